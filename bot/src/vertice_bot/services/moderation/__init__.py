"""Moderation: who may act on whom, and the case book."""
