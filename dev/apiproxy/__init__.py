"""A reverse proxy between a Kubernetes client and the API server that sees every request.

The client's kubeconfig points at the proxy; the proxy holds the credentials. It keeps a log of
requests, which is what counts of writes are taken from: a client's own counters cannot judge it.
"""
