"""The bot alone on one machine: embedded Postgres, the local Discord, reload on change."""
