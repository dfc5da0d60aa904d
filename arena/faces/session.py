"""A match whose one seat is played from outside, a decision at a time; agents of ours hold the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.referee import Referee
from arena.match.seating import house_agents, in_turn, refuse_unable, seated
from arena_agents import Agent, Observation, Reply
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError, points
from arena_games.registry import find_game

__all__ = ["Moved", "Session", "over", "shown"]

OUTSIDE, OPPONENT = "outside", "opponent"


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move: the next observation (None: the episode is over), and what the move was paid.

    `invalid` says why the reply could not be played; a random legal action was played in its place.
    """

    observation: Observation | None
    reward: float
    invalid: str | None


class Session:
    """One seat of a game, one episode after another.

    `seat` counts the open seats from 0; `opponent` names the agent on the others, the house keeps its own.
    Raises UsageError for unknown games and agents, for an opponent that cannot play the game, and for a seat
    that there is not.
    """

    def __init__(self, game: str | GameSpec, *, seat: int = 0, opponent: str = "random") -> None:
        self.spec = game if isinstance(game, GameSpec) else find_game(game)
        if not 0 <= seat < len(self.spec.open_seats):
            raise UsageError(
                f"{self.spec.name} has open seats 0 to {len(self.spec.open_seats) - 1}, no {seat}"
            )
        self.seat = self.spec.open_seats[seat]
        self._players = seated(self.spec, in_turn(self.spec, OUTSIDE, OPPONENT, seat))
        self._others = house_agents([self.spec])
        if self.spec.versus:
            self._others[OPPONENT] = make_agent(opponent)
        refuse_unable(self.spec, self._others.values(), "name another opponent")
        self._referee: Referee | None = None

    @cached_property
    def _env(self) -> object:
        return self.spec.make_env()

    def new_game(self, seed: int) -> Observation:
        """Begin the episode of this seed. Raises UsageError for a game that cannot be begun."""
        self._referee = Referee(Match(self.spec, seed, self._players), self._env, MatchConfig())
        observation = self._ours()
        if observation is None:
            raise UsageError(
                f"{self.spec.name} did not begin from seed {seed}: {self.episode.detail or 'no move'}"
            )
        return observation

    def move(self, reply: str) -> Moved:
        """Play a reply to the last observation, then the others' moves until it is this seat's turn again.

        Raises UsageError if no episode is under way.
        """
        referee = self._begun()
        if referee.observation is None:
            raise UsageError("the episode is over; begin another with new_game")
        before = referee.returns[self.seat]
        referee.commit(Reply(reply), 0.0)
        observation = self._ours()
        invalid = self.episode.steps_of(self.seat)[-1].invalid
        return Moved(observation, referee.returns[self.seat] - before, invalid)

    @property
    def observation(self) -> Observation | None:
        """What the seat sees now; None when the episode is over."""
        return self._begun().observation

    @property
    def episode(self) -> Episode:
        """The record so far; whole once `observation` is None."""
        return self._begun().episode()

    def _begun(self) -> Referee:
        if self._referee is None:
            raise UsageError("no episode has begun; call new_game first")
        return self._referee

    def _ours(self) -> Observation | None:
        """Let the others move until the seat is asked, or the episode is over."""
        referee = self._begun()
        while referee.observation is not None and referee.observation.seat != self.seat:
            agent: Agent = self._others[referee.player]
            referee.commit(agent.act([referee.observation])[0], 0.0)
        return referee.observation


def shown(observation: Observation) -> str:
    """An observation, with the actions that may be played."""
    return f"{observation.text}\n\nLegal actions: {', '.join(observation.legal_names)}"


def over(session: Session) -> str:
    """How an episode ended."""
    episode, seat = session.episode, session.seat
    success = "a success" if episode.successes[seat] else "no success"
    return (
        f"The game is over: your return is {points(episode.returns[seat])}, "
        f"your place {episode.placements[seat]}, {success} ({session.spec.success})."
    )
