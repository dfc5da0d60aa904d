"""The arena's games and policies as other packages know such things; each needs that package alone."""
