"""Causal language models: found, loaded, and read in one forward pass."""
