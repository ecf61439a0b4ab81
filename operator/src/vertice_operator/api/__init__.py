"""What a user may say: the typed resource, its constraints, and the schema made from them.

Pure: nothing here does input or output, reads a clock or knows a Kubernetes client.
"""
