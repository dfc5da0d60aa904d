"""What an agent is: `Observation`s in, `Reply`s out, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena_games.base import Observation

__all__ = ["Agent", "Observation", "Reply", "TokenSample"]


@dataclass(frozen=True, slots=True)
class TokenSample:
    """The token ids of one sampled reply, exactly as the model saw and drew them.

    `logprobs` are those of `token_ids` under the distribution that was sampled from.
    `policy_version` counts the updates of the policy that drew them.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    policy_version: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent answers: free text, read by the game's parser.

    `sample` is there when a model of ours drew the text. `error` says why there is no usable
    text; the match then ends as `agent_error`, charged to the agent.
    """

    text: str
    sample: TokenSample | None = None
    error: str | None = None


class Agent:
    """Base class of every player. Override `choose`, or `act` to answer a whole batch at once.

    An agent is stateless: one instance may hold several seats of many matches, so whatever it
    needs must be in the observation. Draw randomness from `observation.rng()` and the episode
    can be repeated.
    """

    name: str = "agent"

    def choose(self, observation: Observation) -> str:
        """Return the reply text for one observation."""
        raise NotImplementedError(f"{type(self).__name__} must define choose() or act()")

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """Return one reply per observation, in order."""
        return [Reply(self.choose(observation)) for observation in observations]
