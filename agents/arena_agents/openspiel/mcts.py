"""The `mcts` agent: OpenSpiel's Monte Carlo tree search (UCT, Kocsis and Szepesvári 2006).

`mcts:N` grows a tree by N simulations for each move, each ended by one random playout; solved subtrees are
not searched again. It plays games of OpenSpiel in which seats take turns and nothing is hidden.
"""

from __future__ import annotations

from typing import Any

from arena_agents.base import Agent
from arena_games.base import GameSpec, Observation, UsageError, action_reply

SIMULATIONS = 100  # unless the spec says otherwise
EXPLORATION = 2.0  # UCT's constant, where a game pays from -1 to 1
MEMORY_MB = 500


class MctsAgent(Agent):
    """Plays the move that it visited most. The same decision seed always gives the same move."""

    def __init__(self, simulations: int = SIMULATIONS) -> None:
        self.simulations = simulations
        self.name = f"mcts:{simulations}"

    def cannot_play(self, spec: GameSpec) -> str | None:
        """Without the record of a position there is nothing to search from."""
        if spec.open_state:
            return None
        return f"mcts plays OpenSpiel's games in turns in which nothing is hidden, and {spec.name} is none"

    def choose(self, observation: Observation) -> str:
        spec = observation.known_spec()
        problem = self.cannot_play(spec)
        if problem:
            raise UsageError(problem)
        state = _position(spec.config, observation)
        return action_reply(observation.name_of(self._bot(spec.config, observation).step(state)))

    def _bot(self, rules: Any, observation: Observation) -> Any:
        import pyspiel

        seeds = observation.rng().integers(2**31 - 1, size=2).tolist()
        evaluator = pyspiel.RandomRolloutEvaluator(1, seeds[0])
        spread = max(1.0, (rules.game.max_utility() - rules.game.min_utility()) / 2)
        return pyspiel.MCTSBot(
            rules.game, evaluator, EXPLORATION * spread, self.simulations, MEMORY_MB, True, seeds[1], False
        )


def _position(rules: Any, observation: Observation) -> Any:
    """The game's state, from all actions that led to it."""
    state = rules.game.new_initial_state()
    for action in observation.state:
        state.apply_action(action)
    return state


def make_mcts(text: str) -> MctsAgent:
    """The agent of `mcts` or `mcts:N`. Raises UsageError for another number."""
    _, _, number = text.partition(":")
    if number and not (number.isdecimal() and 0 < int(number) < 10**8):
        raise UsageError(f"{text!r}: write mcts:N with a number of simulations, as in mcts:{SIMULATIONS}")
    return MctsAgent(int(number) if number else SIMULATIONS)
