"""Several servers of one model as one engine: each draws its part of every batch, at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from arena_agents.address import parse_addresses
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.engines.vllm_server import ServerEngine, load_server_engine
from arena_games.base import UsageError

T = TypeVar("T")


class SeveralServers:
    """Engines with weights of their own, which are all given every policy.

    Whoever proves what is sampled asks each of `engines`: one that kept an old policy would hide among the
    others. Each raises UsageError, with its address, where it is lost.
    """

    shares_model = False

    def __init__(self, engines: Sequence[ServerEngine]) -> None:
        self.engines = tuple(engines)
        self.policy_version = 0

    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order."""
        return self._shared_out(
            len(prompts), lambda engine, part: engine.generate(prompts[part], sampling, seeds[part])
        )

    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        """One of each prompt's choices, in order."""
        return self._shared_out(
            len(prompts),
            lambda engine, part: engine.choose(prompts[part], choices[part], sampling, seeds[part]),
        )

    def load_policy(self, adapter: Path, version: int) -> None:
        """Hand the adapter to every server. Raises UsageError if one does not load it."""
        at_once([partial(engine.load_policy, adapter, version) for engine in self.engines])
        self.policy_version = version

    def sleep(self) -> None:
        """Nothing: the servers' memory is their own."""

    def wake(self) -> None:
        """Nothing: a server never sleeps."""

    def close(self) -> None:
        """Unload the adapter everywhere, and end the connections."""
        at_once([engine.close for engine in self.engines])

    def _shared_out(
        self, count: int, draw: Callable[[ServerEngine, slice], list[TokenSample]]
    ) -> list[TokenSample]:
        """What the engines draw, each for its part of so many prompts."""
        parts = [part for part in even_parts(count, len(self.engines)) if part.start < part.stop]
        asked = zip(self.engines, parts, strict=False)
        drawn = at_once([partial(draw, engine, part) for engine, part in asked])
        return [sample for samples in drawn for sample in samples]


def load_server_engines(
    spec: str, *, lora_rank: int, environment: Mapping[str, str] = os.environ
) -> ServerEngine | SeveralServers:
    """The engine behind `SPEC@URL`, or `SPEC@URL,URL,…`. Raises UsageError as `load_server_engine`."""
    engines: list[ServerEngine] = []
    try:
        for address in parse_addresses(spec):
            one = f"{address.spec}@{address.url}"
            engines.append(load_server_engine(one, lora_rank=lora_rank, environment=environment))
    except UsageError:
        for engine in engines:
            engine.close()
        raise
    return engines[0] if len(engines) == 1 else SeveralServers(engines)


def even_parts(count: int, parts: int) -> list[slice]:
    """`count` things in order, cut into parts of equal size to one: what begins alike stays together."""
    return [slice(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """What each returns, all run side by side and waited for; raises what the first of them raised."""
    if not works:
        return []
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]
