"""Layer 3: judgement. Pure functions from observed facts to decisions and the words for them."""
