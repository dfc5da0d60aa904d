"""Matches: from seeds and seats to finished episodes; `play` is the one loop that moves a game on."""
