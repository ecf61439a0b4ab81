"""Activity: counting messages, and answering questions about the counts."""
