"""Snake: eat, grow, and outlive the others."""
