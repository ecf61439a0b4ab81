"""Pure: from objects of the cluster to the document that ``-o json`` prints, and to its table.

The table is drawn from the document and from nothing else, so that people and programs see the
same.
"""
