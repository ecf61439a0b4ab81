"""One module a command: options, what to read, what to print."""
