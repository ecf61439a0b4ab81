"""How the operator itself is installed: one source for install.yaml, kustomize and the Helm chart.

The objects are written once, as trees of dicts and lists that look like the YAML, with holes where
an installer may choose (:mod:`.holes`). Filled with values they are plain objects; written as text
with their holes left open they are the chart's templates (:mod:`.yaml_text`). So the three forms
cannot differ but by a fault in one of two small interpreters, and a test compares them.
"""
