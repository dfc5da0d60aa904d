"""The machine: its hardware, its installed packages, its files."""
