"""What draws replies from a language model: token ids and sampling settings in, samples out."""
