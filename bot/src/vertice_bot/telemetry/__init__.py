"""Metrics, logs and the record of what is degraded."""
