"""Double DQN on the games' numeric views: the specialist that language models are measured against."""
