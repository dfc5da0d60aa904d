"""The `cfr` agent: an approximate equilibrium of a small game, by OpenSpiel's CFR+ (Tammelin 2014).

`cfr:N` runs N iterations when it first plays a game, and then plays the average policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from arena_agents.base import Agent
from arena_games.base import GameSpec, Observation, UsageError, action_reply

ITERATIONS = 200  # unless the spec says otherwise
GAMES = ("kuhn_poker", "leduc_poker")


class CfrAgent(Agent):
    """Draws each action with the probability that the average policy of all iterations gives it."""

    def __init__(self, iterations: int = ITERATIONS) -> None:
        self.iterations = iterations
        self.name = f"cfr:{iterations}"
        self._policies: dict[str, dict[str, dict[int, float]]] = {}

    def cannot_play(self, spec: GameSpec) -> str | None:
        """Only games that are solved within seconds to minutes."""
        known = getattr(spec.config, "short_name", None) in GAMES and spec.plain is None
        return (
            None if known else f"cfr plays openspiel:{' and openspiel:'.join(GAMES)}, and {spec.name} is none"
        )

    def choose(self, observation: Observation) -> str:
        (probabilities,) = self.distribution([observation])
        drawn = observation.rng().choice(len(probabilities), p=probabilities)
        return action_reply(observation.legal_names[drawn])

    def distribution(self, observations: Sequence[Observation]) -> list[list[float]]:
        """The probability of each legal action, in the order of `legal`."""
        return [self._of(observation) for observation in observations]

    def _of(self, observation: Observation) -> list[float]:
        spec = observation.known_spec()
        problem = self.cannot_play(spec)
        if problem:
            raise UsageError(problem)
        if spec.name not in self._policies:
            self._policies[spec.name] = solved(spec.config, self.iterations)
        known = self._policies[spec.name][observation.text]
        weights = np.array([known[action] for action in observation.legal])
        probabilities: list[float] = (weights / weights.sum()).tolist()
        return probabilities


def solved(rules: Any, iterations: int) -> dict[str, dict[int, float]]:
    """The average policy after so many iterations: by what is shown, the probability of each action."""
    import pyspiel

    from arena_games.openspiel.tree import information_states

    solver = pyspiel.CFRPlusSolver(rules.game)
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    table = solver.tabular_average_policy().policy_table()
    return {state.text: dict(table[key]) for key, state in information_states(rules).items()}


def make_cfr(text: str) -> CfrAgent:
    """The agent of `cfr` or `cfr:N`. Raises UsageError for another number."""
    _, _, number = text.partition(":")
    if number and not (number.isdecimal() and 0 < int(number) < 10**6):
        raise UsageError(f"{text!r}: write cfr:N with a number of iterations, as in cfr:{ITERATIONS}")
    return CfrAgent(int(number) if number else ITERATIONS)
