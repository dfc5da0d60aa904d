"""OpenSpiel's own players, for OpenSpiel's games: what a game's ceiling looks like."""
