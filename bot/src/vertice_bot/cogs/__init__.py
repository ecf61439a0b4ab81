"""Commands and listeners: each acknowledges, calls a service and renders the answer.

Each module has ``async def setup(bot)``, and ``FEATURE``: the switch in the settings that turns it
on, or None for one that is always there. What a feature needs of Discord is in
``policy/permissions.py``.
"""

EXTENSIONS = (
    "vertice_bot.cogs.about",
    "vertice_bot.cogs.moderation",
    "vertice_bot.cogs.activity",
)
"""Modules in the order in which they are loaded."""
