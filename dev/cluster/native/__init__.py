"""The provider that runs Kubernetes itself, from programs built here, on this machine."""
