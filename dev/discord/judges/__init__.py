"""Judges that live outside this project's environment: hikari and @discordjs/ws."""
