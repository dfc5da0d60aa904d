"""What a training run will hold in memory, and whether it fits."""
