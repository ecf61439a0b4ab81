"""The scripting API under ``/_admin``: what tests and the page do that a bot cannot."""
