"""Layer 4: the only code that talks to anything outside the process."""
