"""MS-GRPO with AAW episode sampling, and DQN."""
