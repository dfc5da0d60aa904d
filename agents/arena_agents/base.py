"""What an agent is: `Observation`s in, `Reply`s out, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena_games.base import GameSpec, Observation

__all__ = ["Agent", "Observation", "Reply", "TokenSample", "Usage"]


@dataclass(frozen=True, slots=True)
class TokenSample:
    """The token ids of one sampled reply, exactly as the model saw and drew them.

    `logprobs` are those of `token_ids` under the distribution that was sampled from.
    `policy_version` counts the updates of the policy that drew them. A reply that was drawn whole, by
    choice decoding, has a single log-probability: that of its being drawn from among `choices`.
    `appended` are the places in `token_ids` of tokens that were put there and not drawn, such as the end of
    a thought whose budget was used up; their log-probability is given as 0, and they are not trained on.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    policy_version: int = 0
    choices: tuple[tuple[int, ...], ...] = ()
    appended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one reply of a language model took; None is what is not known.

    `completion_tokens` include `reasoning_tokens`. `cost` is in USD. `retries` counts the requests
    beyond the first. `finish` is "stop", "length" (cut off), "refusal", "empty", "other" or, where
    there is no reply, "error".
    """

    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None = None
    cost: float | None = None
    retries: int = 0
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent answers: free text, read by the game's parser.

    `sample` is there when a model of ours drew the text. `error` says why there is no usable
    text; the agent then forfeits the match. `passing` says that the error lies outside the agent (its
    server, its worker) and may be gone another time: the match is then played again when the run goes
    on. That is believed of this package's agents only. `reasoning` is what the model thought apart from
    its answer; no game reads it.
    """

    text: str
    sample: TokenSample | None = None
    error: str | None = None
    usage: Usage | None = None
    reasoning: str | None = None
    passing: bool = False


class Agent:
    """Base class of every player. Override `choose`, or `act` to answer a whole batch at once.

    An agent is stateless: one instance may hold several seats of many matches, so whatever it
    needs must be in the observation. Draw randomness from `observation.rng()` and the episode
    can be repeated.

    `at_once` is how many observations it answers at the same time (None: all of them); a call's
    deadline is for so many. `remote` says that a missed deadline may be a passing failure.
    """

    name: str = "agent"
    at_once: int | None = None
    remote: bool = False

    def cannot_play(self, spec: GameSpec) -> str | None:
        """Why it cannot play this game, in one line; None where it can."""
        return None

    def choose(self, observation: Observation) -> str:
        """Return the reply text for one observation."""
        raise NotImplementedError(f"{type(self).__name__} must define choose() or act()")

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """Return one reply per observation, in order."""
        return [Reply(self.choose(observation)) for observation in observations]


def obstacle(agent: object, spec: GameSpec) -> str | None:
    """Why the agent cannot play the game, in one line, if it says so; whoever is no `Agent` need not."""
    says = getattr(agent, "cannot_play", None)
    return says(spec) if callable(says) else None


Ids = Sequence[int]

# How a reply is drawn: token by token, or whole, from among the replies that the game allows.
Decode = Literal["free", "choice"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """The generation config G. Temperature 0 is greedy; `top_k` 0 and `top_p` 1 are off.

    A reply ends at one of the model's end tokens, after the first of the `stop` strings, or after
    `max_new_tokens`. What a model thinks before is no part of that: it may take `thinking_tokens` more (see
    `arena_agents.language.thinking`; an engine does not look at them). With `decode` "choice" a reply is
    drawn whole (see `Engine.choose`): only the temperature counts then.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ("</action>",)
    decode: Decode = "free"
    thinking_tokens: int = 1024
