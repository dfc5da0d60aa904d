"""A trained policy as a folder that other libraries load."""
