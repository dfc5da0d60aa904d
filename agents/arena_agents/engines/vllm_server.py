"""vLLM's OpenAI server as an engine: token ids in, sampled ids and log-probabilities out.

The server is started with adapters that may change while it runs:

    VLLM_ALLOW_RUNTIME_LORA_UPDATING=True python -m vllm.entrypoints.openai.api_server --model MODEL \\
        --enable-lora --max-lora-rank 16 --logprobs-mode processed_logprobs

It reads adapters from disk, so it must see the run's folder under the same path. Every policy is
loaded under a name of its own, and the one before unloaded. Loading in place of the one before would
leave its keys and values in the prefix cache where the path is the same, and vLLM would read the
folder again with every batch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import torch

from arena_agents.address import parse_address
from arena_agents.api.client import ServerClient
from arena_agents.api.errors import MalformedError, RequestError
from arena_agents.api.models import served_model
from arena_agents.api.settings import Settings
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.choice import choose
from arena_games.base import UsageError

CONCURRENCY = 128  # the server makes batches of what waits
UNLOADING_S = 5.0
RESUME = "go on with arena train --resume and the run's folder"
Drawn = tuple[tuple[int, ...], tuple[float, ...]]
T = TypeVar("T")


class ServerEngine:
    """Samples from one served model, with an adapter once one has been loaded."""

    shares_model = False

    def __init__(self, client: ServerClient, model: str) -> None:
        self.client = client
        self.policy_version = 0
        self._base, self._adapter, self._loaded = model, "", 0
        self._owner = uuid4().hex[:8]  # runs that share a server must not load under one name

    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order. Raises UsageError if the server is lost."""
        body = parameters(sampling)
        bodies = [
            {**body, "prompt": list(prompt), "seed": seed % 2**63}
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        return [
            TokenSample(tuple(prompt), *drawn, self.policy_version)
            for prompt, drawn in zip(prompts, self._ask(bodies, read_drawn), strict=True)
        ]

    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        """One of each prompt's choices, from what the server says of each of them behind the prompt.

        Raises UsageError if the server is lost.
        """
        return choose(
            self._read,
            prompts,
            choices,
            sampling,
            seeds,
            version=self.policy_version,
            most_tokens=sys.maxsize,  # the server makes batches of its own
            branching=False,
        )

    def _read(self, prompts: Sequence[Ids], replies: Sequence[Ids]) -> tuple[torch.Tensor, None]:
        """Log-probabilities of the replies' tokens under the untempered model, (N, K)."""
        bodies = [
            {"prompt": [*prompt, *reply], "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}
            for prompt, reply in zip(prompts, replies, strict=True)
        ]
        logprobs_NK = torch.zeros(len(replies), max(map(len, replies)))
        for row, (reply, told) in enumerate(zip(replies, self._ask(bodies, read_prompt), strict=True)):
            found = [place[token] for token, place in zip(reply, told[-len(reply) :], strict=True)]
            logprobs_NK[row, : len(reply)] = torch.tensor(found)
        return logprobs_NK, None

    def _ask(self, bodies: Sequence[dict[str, Any]], read: Callable[[Any], T]) -> list[T]:
        """What the policy says to each body. Raises UsageError if the server is lost."""
        named = [{"model": self._adapter or self._base, **body} for body in bodies]
        values = []
        for answer in self.client.ask("completions", named, read):
            if answer.value is None:
                raise self._lost(answer.error)
            values.append(answer.value)
        return values

    def load_policy(self, adapter: Path, version: int) -> None:
        """Sample from now on with the adapter in a folder that the server can read.

        Raises UsageError if it does not load it, or is lost.
        """
        name = f"arena-{self._owner}-{self._loaded + 1}"
        wanted = {"lora_name": name, "lora_path": str(adapter.resolve())}
        try:
            self.client.post("/load_lora_adapter", wanted)
        except (RequestError, MalformedError) as error:
            if isinstance(error, RequestError) and error.status is None:
                raise self._lost(error) from None
            raise UsageError(f"{self.name} does not load the policy: {_remedy(error)}") from None
        self._unload()
        self._adapter, self._loaded, self.policy_version = name, self._loaded + 1, version

    def sleep(self) -> None:
        """Nothing: the server's memory is its own."""

    def wake(self) -> None:
        """Nothing: the server never sleeps."""

    def close(self) -> None:
        """Unload the adapter, if the server is still there, and end the connections."""
        self._unload()
        self.client.close()

    def _unload(self) -> None:
        """Let the server forget the adapter. It may have done so: a server that was restarted has."""
        if self._adapter and self.client.given_up is None:
            with suppress(RequestError, MalformedError):
                self.client.post("/unload_lora_adapter", {"lora_name": self._adapter}, UNLOADING_S)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"the server at {self.client.address.url}"

    def _lost(self, why: object) -> UsageError:
        return UsageError(f"{self.name} is lost; when it is back, {RESUME} ({why})")


def load_server_engine(
    spec: str, *, lora_rank: int, environment: Mapping[str, str] = os.environ
) -> ServerEngine:
    """The engine behind `SPEC@URL`. Raises UsageError if the server cannot be used or lacks the model."""
    if lora_rank == 0:
        raise UsageError(
            "a server is given adapters, not whole weights; --set lora_rank=16, or leave @URL out"
        )
    client = ServerClient(parse_address(spec), Settings.read(environment, concurrency=CONCURRENCY))
    model = served_model(client)
    if not model.vllm:
        client.close()
        raise UsageError(f"{client.address.url} is no vLLM server, as training needs; leave @URL out")
    return ServerEngine(client, model.name)


def parameters(sampling: Sampling) -> dict[str, Any]:
    """The generation config, and nothing of the model's own, in the words of `/v1/completions`."""
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "max_tokens": sampling.max_new_tokens,
        "stop": list(sampling.stop),
        "include_stop_str_in_output": True,
        "skip_special_tokens": False,  # a stop string may be a special token
        "logprobs": 0,  # of the sampled token alone
        "return_token_ids": True,
    }


def read_drawn(body: Any) -> Drawn:
    """Token ids and their log-probabilities in a completion's body. Raises MalformedError."""
    try:
        choice = body["choices"][0]
        ids, logprobs = choice["token_ids"], choice["logprobs"]["token_logprobs"]
        drawn = tuple(int(token) for token in ids), tuple(float(logprob) for logprob in logprobs)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MalformedError(f"no token ids with log-probabilities ({type(error).__name__})") from None
    if not drawn[0] or len(drawn[0]) != len(drawn[1]):
        raise MalformedError(f"{len(drawn[0])} tokens with {len(drawn[1])} log-probabilities")
    return drawn


def read_prompt(body: Any) -> list[dict[int, float]]:
    """What a completion's body tells of a prompt's tokens but the first: log-probabilities by token.

    Raises MalformedError.
    """
    try:
        told = body["choices"][0]["prompt_logprobs"][1:]
        return [{int(token): float(one["logprob"]) for token, one in place.items()} for place in told]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError(f"no log-probabilities of the prompt ({type(error).__name__})") from None


def _remedy(error: Exception) -> str:
    if isinstance(error, RequestError) and error.status == 404:
        return "start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
    return f"{error}; it must see the run's folder under the same path, and --max-lora-rank must suffice"
