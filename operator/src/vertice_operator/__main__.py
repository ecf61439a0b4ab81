"""``python -m vertice_operator`` is the same as ``vertice-operator``."""

from vertice_operator.cli.main import operator

if __name__ == "__main__":
    operator()
