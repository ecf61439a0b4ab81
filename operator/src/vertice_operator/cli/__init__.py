"""The two commands: ``vertice-operator`` (the controller) and ``vertice`` (for people)."""
