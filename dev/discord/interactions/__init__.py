"""Interactions: commands, buttons, forms; their tokens, deadlines and answers."""
