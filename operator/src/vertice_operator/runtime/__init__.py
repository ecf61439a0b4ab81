"""Layer 5: kopf and time. Watch, queue, leadership, health, and the reconcile loop itself."""
