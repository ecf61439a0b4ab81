"""Run with ``python -m vertice_bot``."""

from vertice_bot.cli.main import app

app()
