"""Training by several processes: who they are, and who holds which part of the weights."""
