"""What the commands read from the cluster: small functions that ask and do not judge."""
