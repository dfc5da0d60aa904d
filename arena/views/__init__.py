"""What people look at. A view reads what was stored or listens to what runs; it decides nothing."""
