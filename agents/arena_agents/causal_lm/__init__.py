"""Causal language models: loading them, and reading prompts and replies with them."""
