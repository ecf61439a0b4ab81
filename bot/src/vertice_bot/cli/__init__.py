"""The command ``vertice-bot``."""
