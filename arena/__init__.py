"""The arena: play, train, rank."""
