"""Matches in a terminal: watched live, replayed, or played at the keyboard."""
