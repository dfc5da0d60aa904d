"""The `random` agent: any move that is not pointless, with equal chances."""

from __future__ import annotations

from collections.abc import Sequence

from arena_agents.base import Agent
from arena_games.base import ActionKind, GameSpec, Observation, UsageError, action_reply


class RandomAgent(Agent):
    """Plays uniformly among the moves that the game calls prudent (all legal ones by default).

    On Snake that leaves out walls and the player's own body: this is also the house's snake.
    """

    name = "random"

    def cannot_play(self, spec: GameSpec) -> str | None:
        """A game of free text is played only where it suggests what to say."""
        if spec.kind == ActionKind.TEXT and not spec.suggests:
            return f"random draws from a list of actions, and {spec.name} has none"
        return None

    def distribution(self, observations: Sequence[Observation]) -> list[list[float]]:
        """Equal probabilities of all prudent moves."""
        prudent = [observation.known_spec().prudent(observation) for observation in observations]
        return [
            [(action in moves) / len(moves) for action in observation.legal]
            for observation, moves in zip(observations, prudent, strict=True)
        ]

    def choose(self, observation: Observation) -> str:
        if not observation.legal:
            return action_reply(self._suggested(observation))
        moves = observation.known_spec().prudent(observation)
        return action_reply(observation.name_of(moves[observation.rng().integers(len(moves))]))

    def _suggested(self, observation: Observation) -> str:
        if not observation.names:
            raise UsageError(f"random draws from a list of actions, and {observation.game} shows none here")
        return observation.names[observation.rng().integers(len(observation.names))]
