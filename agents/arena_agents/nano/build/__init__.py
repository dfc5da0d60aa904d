"""Makes nano from nothing: positions, tokenizer, and two rounds of supervised learning."""
