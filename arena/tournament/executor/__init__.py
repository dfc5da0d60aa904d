"""Who plays a tournament's matches: this process, several here, or some on other machines."""
