"""Operator for DiscordBot resources."""

__version__ = "0.1.0"
