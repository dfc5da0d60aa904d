"""The Language-Agent Policy: a model, a generation config, a prompt template and an extractor."""
