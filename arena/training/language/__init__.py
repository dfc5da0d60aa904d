"""What every trainer of a language policy shares: where it starts, its weights, its run."""
