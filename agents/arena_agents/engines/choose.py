"""Which engine draws the replies: what was asked for, or what is installed and present.

auto          vllm where it is installed and there is a CUDA device, else transformers
transformers  a model in this process; in training the trainer's own, so that nothing is copied
vllm          a copy in vLLM; in training it is given every new adapter
server        a vLLM server, by an agent's address (see `arena_agents.api`)
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, get_args

from arena_agents.causal_lm.hub import is_gguf
from arena_agents.engines.base import EngineName
from arena_games.base import UsageError

if TYPE_CHECKING:
    from arena_agents.engines.vllm import VllmEngine

LocalEngine = Literal["transformers", "vllm"]

# For playing: two models fit one GPU beside each other; adapters of larger rank are refused.
PLAYING_MEMORY = 0.45
PLAYING_RANK = 64
# A model with fewer bytes of weights has played its matches before vLLM has started.
WORTH_STARTING = 2**28

_adapter_ids = count(1)


def _has_gpu() -> bool:
    import torch  # here, as commands that draw nothing read this module too

    return torch.cuda.is_available()


def parse_engine(text: str) -> EngineName:
    """What `--engine` says. Raises UsageError for another word."""
    for name in get_args(EngineName):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise UsageError(f"unknown engine {text!r}; known: {', '.join(get_args(EngineName))}")


def choose_engine(asked: EngineName, source: str = "", *, adapter: bool = True) -> LocalEngine:
    """The engine in this process that `asked` means. `adapter` is False where all weights are trained.

    vLLM is given no .gguf file (`source`): it would read other tokens from it than the trainer.

    vLLM is given new policies as adapters, so it cannot follow when all weights are trained: `auto`
    then means transformers. Raises UsageError for `vllm` there, and where it is not installed, and
    for `server`, which is chosen by an agent's address.
    """
    if asked == "server":
        raise UsageError("--engine server needs an address; name the agent as SPEC@URL")
    if asked == "vllm" and is_gguf(source):
        raise UsageError(
            "the vllm engine takes no .gguf file; python -m arena_agents.causal_lm.gguf "
            f"{quote(source)} FOLDER, then hf:FOLDER"
        )
    if asked == "auto":
        there = adapter and not is_gguf(source) and vllm_installed() and _has_gpu()
        return "vllm" if there else "transformers"
    if asked == "vllm" and not adapter:
        raise UsageError("the vllm engine is given adapters, not whole weights; --set lora_rank=16")
    if asked == "vllm" and not vllm_installed():
        raise UsageError(
            "vllm is not installed; pip install 'tmsg-arena[vllm]', or use --engine transformers"
        )
    return asked


def vllm_installed() -> bool:
    """Whether `import vllm` would find something."""
    return find_spec("vllm") is not None


def choose_playing_engine(asked: EngineName, source: str, *, adapter: bool) -> LocalEngine:
    """The same for an agent that only plays: `auto` starts no vLLM for one trained policy or a tiny model.

    `source` is the model's folder or its id on the hub; `adapter` is False for a policy whose weights
    were all trained: no other can share its vLLM.
    """
    if asked == "auto" and Path(source).is_dir():
        size = sum(file.stat().st_size for file in Path(source).glob("*.safetensors"))
        adapter = adapter and size >= WORTH_STARTING
    return choose_engine("transformers" if asked == "auto" and not adapter else asked, source)


def playing_engine(source: str) -> VllmEngine:
    """An engine to play with: agents of one model share one vLLM, each with an adapter of its own."""
    from arena_agents.engines.vllm import VllmEngine

    return VllmEngine(_playing_llm(source), adapter_id=next(_adapter_ids))


@cache
def _playing_llm(source: str) -> Any:
    from arena_agents.engines.vllm import start_llm

    return start_llm(source, memory=PLAYING_MEMORY, lora_rank=PLAYING_RANK)
