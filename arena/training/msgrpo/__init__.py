"""MS-GRPO with AAW episode sampling (arXiv 2508.10839); `train` reads from top to bottom."""
