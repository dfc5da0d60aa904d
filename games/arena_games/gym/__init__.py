"""Environments of Gymnasium (Towers et al. 2024, arXiv 2407.17032): `gym:ID(key=value,…)`, or one's own."""
