"""Judges the objects of every example by programs of others: checkov and kube-score."""
