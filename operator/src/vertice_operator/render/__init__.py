"""Spec to Kubernetes objects; pure."""
