"""A leaderboard as a terminal shows it, and as files hold it."""
