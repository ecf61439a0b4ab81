"""A stand-in for Google's SQL Admin API and for the TLS front of a Cloud SQL instance.

The real Cloud SQL Auth Proxy runs against it unchanged: it fetches the instance's settings, has an
ephemeral client certificate signed, dials port 3307 with TLS 1.3 and talks to a real Postgres
behind it. What the proxy asks and how it judges the answers was measured with v2.27.0.
"""
