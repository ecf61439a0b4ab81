"""Redis: an accelerator that may be absent; nothing about safety rests on it."""
