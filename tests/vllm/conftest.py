"""One vLLM on a CPU for all tests, as it is slow to start; without vLLM nothing here is collected."""

from importlib.util import find_spec

import pytest

from arena_agents.nano import MODEL_DIR

collect_ignore_glob = [] if find_spec("vllm") else ["test_*.py"]

RANK = 8


@pytest.fixture(scope="session")
def llm():
    from arena_agents.engines.vllm import start_llm

    return start_llm(str(MODEL_DIR), lora_rank=RANK)
