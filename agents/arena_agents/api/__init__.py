"""Language models behind an OpenAI-compatible server: vLLM's, Ollama, llama.cpp, hosted APIs."""
