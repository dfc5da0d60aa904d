"""`arena tournament --dry-run`: what a tournament will take, from a few of its matches played in memory.

Nothing is stored and nothing is trained: what a sample is and who stands in for the untrained, see
`forecast_sample`. A number's total is the sample's mean times the seats that are still to be played;
its interval holds 95 % as far as the seats of a sample are independent and not too unlike normal.
Time is for one agent after another, as the match loop asks them, and for the sample's small batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arena.match.episode import Episode, Step
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import HOUSE
from arena.tournament.agents import Agents
from arena.tournament.forecast_sample import (
    announcements,
    missing_matches,
    notes,
    players_of,
    sample_of,
    untrained,
)
from arena.tournament.plan import Tournament
from arena.tournament.run import CONCURRENCY
from arena_agents import Reply
from arena_games.base import GameSpec
from arena_leaderboard.model.quantiles import student_reach


@dataclass(frozen=True, slots=True)
class Estimate:
    """A forecast and the half width of its 95 % interval; None where one match tells of no spread."""

    value: float
    half: float | None

    @classmethod
    def of(cls, sample: Sequence[float], times: int) -> Estimate:
        """The sum over so many more draws like those of the sample."""
        size, mean = len(sample), math.fsum(sample) / len(sample)
        if size < 2:
            return cls(mean * times, None)
        variance = math.fsum((value - mean) ** 2 for value in sample) / (size - 1)
        deviation = math.sqrt(variance * (times**2 / size + times))
        return cls(mean * times, student_reach(0.95, size - 1) * deviation)

    def __add__(self, other: Estimate) -> Estimate:
        halves = (self.half, other.half)
        half = None if None in halves else math.hypot(*(half or 0.0 for half in halves))
        return Estimate(self.value + other.value, half)

    @property
    def low(self) -> float | None:
        return None if self.half is None else max(0.0, self.value - self.half)

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.value + self.half


@dataclass(frozen=True, slots=True)
class AgentForecast:
    """What one agent will take in one game. None is what is not known; `cost` is in USD."""

    game: str
    agent: str
    matches: int
    decisions: Estimate | None = None
    prompt_tokens: Estimate | None = None
    reply_tokens: Estimate | None = None
    cost: Estimate | None = None
    seconds: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Rows by game and agent, the time of the games themselves, and what has to be said of it."""

    matches: int
    rows: list[AgentForecast]
    games_seconds: Estimate
    notes: list[str]

    def totals(self) -> dict[str, Estimate | None]:
        """The sums over all rows of what is known; the time includes that of the games themselves."""
        sums: dict[str, Estimate | None] = {}
        for name in NUMBERS:
            known = [estimate for row in self.rows if (estimate := getattr(row, name)) is not None]
            sums[name] = sum(known[1:], known[0]) if known else None
        seconds = sums["seconds"]
        return sums | {"seconds": self.games_seconds + seconds if seconds else self.games_seconds}


def forecast(tournament: Tournament, *, deadline_s: float, say: Callable[[str], None]) -> Forecast:
    """Play the sample and extrapolate. `say` is told beforehand what agents behind servers will be asked.

    Raises UsageError as a tournament would, for agents that cannot be made.
    """
    agents = Agents(tournament)
    agents.check()
    unable = agents.unable()
    missing = missing_matches(tournament, unable)
    samples = {game: sample_of(matches, tournament.entrants) for game, matches in missing.items()}
    for line in announcements(tournament, samples):
        say(line)
    config = MatchConfig(deadline_s=deadline_s, concurrency=CONCURRENCY, rethink=tournament.rethink)
    rows, games_seconds = [], Estimate(0.0, 0.0)
    for spec in tournament.games:
        began = time.perf_counter()
        played = list(play(samples[spec.name], players_of(tournament, spec, agents), config))
        games_seconds += _own_time(played, time.perf_counter() - began, len(missing[spec.name]))
        able = [label for label in tournament.labels if (label, spec.name) not in unable]
        rows += [_of_agent(label, spec, missing[spec.name], played) for label in able]
    said = [f"{problem}; left out there." for problem in dict.fromkeys(unable.values())]
    return Forecast(
        sum(map(len, missing.values())), rows, games_seconds, [*said, *notes(untrained(tournament))]
    )


def _of_agent(
    label: str, spec: GameSpec, missing: Sequence[Match], played: Sequence[Episode]
) -> AgentForecast:
    """One agent's forecast, from the seats that it held in the sample."""
    times = sum(match.players.count(label) for match in missing)
    seats = [
        episode.steps_of(seat)
        for episode in played
        for seat, player in enumerate(episode.players)
        if player == label
    ]
    estimates = {name: _estimate(number, seats, times) for name, number in NUMBERS.items()}
    return AgentForecast(spec.name, label, sum(label in match.players for match in missing), **estimates)


def _estimate(
    number: Callable[[Step], float | None], seats: Sequence[Sequence[Step]], times: int
) -> Estimate | None:
    """The forecast of a number that steps have; None where the sample does not tell."""
    values = [[number(step) for step in steps] for steps in seats]
    known = [[value for value in of_seat if value is not None] for of_seat in values]
    if not any(known) or not times:
        return None
    return Estimate.of([math.fsum(of_seat) for of_seat in known], times)


def _own_time(played: Sequence[Episode], took: float, matches: int) -> Estimate:
    """What the games need beside the agents under test; the house's agents belong to the games."""
    if not played:
        return Estimate(0.0, 0.0)
    asked = math.fsum(
        step.seconds
        for episode in played
        for step in episode.steps
        if not episode.players[step.seat].startswith(HOUSE)
    )
    return Estimate(max(0.0, took - asked) / len(played) * matches, 0.0)


def _taken(step: Step, number: Callable[[Reply], float | None]) -> float | None:
    """What a step's reply took, and those before it that were asked for again; None if that is unknown."""
    replies = (*(attempt.reply for attempt in step.attempts), step.reply)
    known = [value for value in map(number, replies) if value is not None]
    return math.fsum(known) if known else None


def _prompt_tokens(reply: Reply) -> float | None:
    if reply.usage is not None:
        return reply.usage.prompt_tokens
    return None if reply.sample is None or not reply.sample.prompt_ids else len(reply.sample.prompt_ids)


def _reply_tokens(reply: Reply) -> float | None:
    if reply.usage is not None:
        return reply.usage.completion_tokens
    return None if reply.sample is None or not reply.sample.token_ids else len(reply.sample.token_ids)


def _cost(reply: Reply) -> float | None:
    return None if reply.usage is None else reply.usage.cost


NUMBERS: dict[str, Callable[[Step], float | None]] = {
    "decisions": lambda step: 1.0,
    "prompt_tokens": lambda step: _taken(step, _prompt_tokens),
    "reply_tokens": lambda step: _taken(step, _reply_tokens),
    "cost": lambda step: _taken(step, _cost),
    "seconds": lambda step: step.seconds,
}
