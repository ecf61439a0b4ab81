"""Development tools of Vértice."""
