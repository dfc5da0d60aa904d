"""A PettingZoo AEC environment for games in turns, all at once, or both by turns.

A game, one's own or another library's, supplies the hooks at the end: who is asked now, what they see, and
what their moves do. Everybody leaves the episode together when the game is over or has been cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from arena_games.aec import Outcome, seat_name
from arena_games.base import Action

LONGEST_TEXT = 100_000  # characters of a position
LONGEST_NAME = 2_000


class AnyText(spaces.Text):  # type: ignore[misc]
    """Strings of any characters: other libraries draw boards with more than ASCII has."""

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length


def said(text: Any) -> str:
    """What somebody's text function gave, without blanks at the end. Raises TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"the text function gave a {type(text).__name__}, not a str")
    return text.rstrip()


def paid(reward: Any) -> float:
    """What somebody's environment paid. Raises ValueError for what is no finite number."""
    try:
        number = float(reward)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the environment paid {reward!r:.80}, which is no finite number")
    return number


class TurnsEnv(AECEnv[str, dict[str, Any], Action | None]):  # type: ignore[misc]
    """Observations are `{"text", …}`, as the game's spaces say; the rest is `AECEnv`.

    The last `infos` hold `placements` and `successes`, both by seat.
    """

    agent_selection: str

    def __init__(
        self,
        name: str,
        seats: int,
        observed: Mapping[str, spaces.Space[Any]],
        acted: spaces.Space[Any],
        *,
        horizon: int,
        at_once: bool = False,
    ) -> None:
        """`observed` are the spaces of what is seen beside the text; `at_once`: seats may move unseen.

        An episode is cut when a seat that has moved `horizon` times would be asked again.
        """
        super().__init__()
        self.metadata = {"name": name, "render_modes": ["ansi"], "is_parallelizable": at_once}
        self.render_mode = "ansi"
        self.possible_agents = [seat_name(seat) for seat in range(seats)]
        self._observed = spaces.Dict({"text": AnyText(LONGEST_TEXT, min_length=0), **observed})
        self._acted, self._horizon = acted, horizon
        self._seats = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self._nothing = dict.fromkeys(self.possible_agents, 0.0)  # copied, as are the others
        self._going = dict.fromkeys(self.possible_agents, False)
        self._rng: np.random.Generator | None = None
        self._totals: list[float] = []

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._observed

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._acted

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode; everything random in it comes from `seed`."""
        self._seed, self._rng = seed, None
        self.agents = agents = self.possible_agents.copy()
        self.rewards, self._cumulative_rewards = self._nothing.copy(), self._nothing.copy()
        self.terminations, self.truncations = self._going.copy(), self._going.copy()
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        self._skip_agent_selection = None
        self._turns = [0] * len(agents)
        self._totals = [0.0] * len(agents)
        self._pending: dict[int, Action] = {}
        self.begin()
        self._paid = False
        self._ask()

    @property
    def rng(self) -> np.random.Generator:
        """The episode's generator, made when chance first has a part in it: that takes longer than a move."""
        if self._rng is None:
            self._rng = np.random.Generator(np.random.PCG64(self._seed))
        return self._rng

    def observe(self, agent: str) -> dict[str, Any]:
        return self.view(self._seats[agent])

    def step(self, action: Action | None) -> None:
        """Commit the selected seat's move; the last one that is asked for makes the game move."""
        agent: str = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None:
            raise ValueError(f"{agent} has to move")
        self._cumulative_rewards[agent] = 0.0
        if self._paid:
            self.rewards = dict.fromkeys(self.agents, 0.0)
            self._paid = False
        asked = self._asked
        if len(asked) == 1:  # as in most games at most times
            seat = asked[0]
            self._turns[seat] += 1
            moves = {seat: action}
        else:
            seat = asked[len(self._pending)]
            self._turns[seat] += 1
            self._pending[seat] = action
            if len(self._pending) < len(asked):
                self.agent_selection = self.possible_agents[asked[len(self._pending)]]
                return
            moves, self._pending = self._pending, {}
        self.move(moves)
        self._pay()
        self._ask()

    def _pay(self) -> None:
        totals = self.totals()
        if totals is None:
            return
        before = self._totals
        for seat, agent in enumerate(self.possible_agents):
            paid = self.rewards[agent] = totals[seat] - before[seat]
            self._cumulative_rewards[agent] += paid
        self._totals, self._paid = list(totals), True  # a game may go on counting in its own list

    def _ask(self) -> None:
        self._asked = asked = self.movers()
        if asked and not self.is_cut():
            for seat in asked:
                if self._turns[seat] >= self._horizon:
                    break
            else:
                self.agent_selection = self.possible_agents[asked[0]]
                return
        outcome = self.outcome()
        ended = self.truncations if self._asked else self.terminations
        for agent in self.agents:
            ended[agent] = True
            self.infos[agent] = self._told_at_the_end(agent, outcome)
        self._asked = ()
        self.agent_selection = self.agents[0]

    def _was_dead_step(self, action: Action | None) -> None:
        """As PettingZoo's, where all leave together: the seat is out, and the next one is to be dismissed."""
        if action is not None:
            raise ValueError("when an agent is dead, the only valid action is None")
        agent = self.agent_selection
        for held in (self.terminations, self.truncations, self.rewards, self._cumulative_rewards, self.infos):
            del held[agent]
        self.agents.remove(agent)
        if self.agents:
            self.rewards = dict.fromkeys(self.agents, 0.0)
            self.agent_selection = self.agents[0]

    def _told_at_the_end(self, agent: str, outcome: Outcome) -> dict[str, Any]:
        """The last infos of a seat."""
        return {"placements": outcome.placements, "successes": outcome.successes}

    def outcome(self) -> Outcome:
        """Places by what everybody has earned; success is to have more than all others, alone more than 0."""
        totals = self._totals
        order = sorted(totals, reverse=True)
        places = tuple([1 + order.index(own) for own in totals])
        if len(totals) == 1:
            return Outcome(places, (totals[0] > 0,))
        return Outcome(places, tuple(place == 1 and places.count(1) == 1 for place in places))

    def render(self) -> str:
        text: str = self.observe(self.agent_selection)["text"]
        return text

    def close(self) -> None:
        """Nothing is held open."""

    # What a game supplies.

    def begin(self) -> None:
        """Draw the start state from `self.rng`."""
        raise NotImplementedError

    def movers(self) -> Sequence[int]:
        """The seats that are asked now, none of which sees another's move; nobody when the game is over."""
        raise NotImplementedError

    def view(self, seat: int) -> dict[str, Any]:
        """What a seat is shown now."""
        raise NotImplementedError

    def move(self, moves: Mapping[int, Action]) -> None:
        """Let those who were asked move."""
        raise NotImplementedError

    def totals(self) -> Sequence[float] | None:
        """What each seat has earned so far, or None where that has not changed."""
        raise NotImplementedError

    def is_cut(self) -> bool:
        """Whether the game itself has been cut short before it was over."""
        return False
