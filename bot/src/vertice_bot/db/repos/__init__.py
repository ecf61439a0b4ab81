"""SQL of the features: one module per aggregate, functions that take a connection or a pool."""
