"""The web page for a person, and what it shows of replicas."""
