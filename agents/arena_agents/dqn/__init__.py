"""The DQN agent and the numeric window it looks through."""
