"""FrozenLake: cross the ice without falling in."""
