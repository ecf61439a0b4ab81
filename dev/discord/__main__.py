"""``python -m dev.discord``."""

from dev.discord.cli import main

raise SystemExit(main())
