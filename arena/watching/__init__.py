"""Matches as people see them in a terminal: replayed from a run, live, or with a person at the table."""
