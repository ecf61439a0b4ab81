"""Ownership of shards, and the connections to Discord's gateway that follow from it."""
