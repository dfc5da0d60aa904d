"""What the language agent and the trainer ask of an engine, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from arena_agents.base import Ids, Sampling, TokenSample

# What a user may ask for; `auto` is settled by what is installed and present (see `choose`).
EngineName = Literal["auto", "transformers", "vllm", "server"]


class Engine(Protocol):
    """Draws replies. Each prompt has a seed of its own, so batches do not decide what is drawn.

    `policy_version` counts the updates of the policy that is sampled. `shares_model` tells that the
    engine samples from the trainer's own weights; one that does not is given every new policy by
    `load_policy`, and is a little off the trainer's log-probabilities, as its kernels are others. One that
    may say `at_once` (see `Agent`) takes longer the more it is asked.
    """

    policy_version: int
    shares_model: bool

    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        seeds: Sequence[int],
        drafts: Sequence[Ids] = (),
    ) -> list[TokenSample]:
        """One sample per prompt, in order.

        Log-probabilities are those of the distribution drawn from: tempered, then cut to `top_k`
        and `top_p`. Greedy decoding reports the untempered ones. `drafts` are replies that are
        likely; they may save the engine time, and change nothing of what is drawn.
        """
        ...

    def choose(
        self,
        prompts: Sequence[Ids],
        choices: Sequence[Sequence[Ids]],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[TokenSample]:
        """One of each prompt's choices, drawn with p ∝ exp(score / T); see `engines.choice`.

        A reply's score is the log-probability of its tokens under the untempered model. Raises
        UsageError if the engine cannot draw from this distribution.
        """
        ...

    def load_policy(self, adapter: Path, version: int) -> None:
        """Sample from now on with the adapter in a folder that peft wrote (safetensors).

        An engine that shares the model only notes the version. Raises UsageError if it cannot load.
        """
        ...

    def sleep(self) -> None:
        """Give device memory to the trainer until `wake`, where there is any to give."""
        ...

    def wake(self) -> None:
        """Be ready to generate, as if nothing had been read before: a run that is resumed draws the same."""
        ...

    def close(self) -> None:
        """Free everything; the engine is not used again."""
        ...


def each_of(engine: Engine) -> tuple[Engine, ...]:
    """The engines that hold weights of their own: several servers (`engines.several`), or the one itself."""
    return tuple(getattr(engine, "engines", ())) or (engine,)
