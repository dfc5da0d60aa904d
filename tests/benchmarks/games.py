"""One decision of a game: ours as PettingZoo AEC (text, planes and mask included), TextArena's as its users step it."""
