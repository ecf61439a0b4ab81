"""The state of the pretended Discord: guilds, channels, people, messages, applications."""
