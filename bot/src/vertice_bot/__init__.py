"""The Discord bot that Vértice runs."""

__version__ = "0.1.0"
