"""The statistics: Plackett-Luce ratings and their intervals."""
