"""Tournaments: entrants, plan, schedule, what is trained first, and the run itself."""
