"""Who sits where: the agents under test on a game's open seats, the house's on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError

HOUSE = "house:"


def seated(spec: GameSpec, open_players: Sequence[str]) -> tuple[str, ...]:
    """Player names by seat: `open_players` in order on the open seats, `house:NAME` on the rest.

    The prefix keeps the house's `random` apart from an agent of that name under test.
    Raises ValueError if there are not as many players as open seats.
    """
    by_seat = dict(zip(spec.open_seats, open_players, strict=True))
    house = iter(spec.house)
    return tuple(by_seat[seat] if seat in by_seat else HOUSE + next(house) for seat in range(spec.seats))


def house_agents(games: Iterable[GameSpec]) -> dict[str, Agent]:
    """The agents that the games' houses seat, by player name. Raises UsageError for unknown ones."""
    names = {name for spec in games for name in spec.house}
    return {HOUSE + name: make_agent(name) for name in sorted(names)}


LEARNER = "learner"


# Agent names by seat, for the start state of that number.
Seating = Callable[[int], tuple[str, ...]]


def training_seating(spec: GameSpec, opponents: str) -> Seating:
    """Who sits where in rollouts."""
    if opponents == "self":
        return lambda start: (LEARNER,) * spec.seats
    if opponents == "house":
        return lambda start: around_learner(spec, spec.open_seats, "")
    return partial(_against, spec, opponents, opponents)


def held_out_seating(spec: GameSpec, opponents: str) -> Seating:
    """Who sits where in evaluations: one learner, as the score of self-play says nothing.

    Open seats that no opponent was named for are `random`'s.
    """
    named = opponents not in ("house", "self")
    return partial(_against, spec, opponents if named else "random", opponents if named else None)


def _against(spec: GameSpec, opponent: str, house: str | None, start: int) -> tuple[str, ...]:
    seat = spec.open_seats[start % len(spec.open_seats)]
    return around_learner(spec, (seat,), opponent, house)


def around_learner(
    spec: GameSpec, learner: tuple[int, ...], opponent: str, house: str | None = None
) -> tuple[str, ...]:
    """The learner on its seats, `opponent` on other open seats, the house (or `house`) on its own."""
    ours = iter(spec.house)
    return tuple(
        LEARNER if seat in learner else opponent if seat in spec.open_seats else house or next(ours)
        for seat in range(spec.seats)
    )


def opponent_agents(spec: GameSpec, opponents: str) -> dict[str, Agent]:
    """The agents that the seatings name. Raises UsageError for one that is not known."""
    if opponents == LEARNER:
        raise UsageError(f"an opponent cannot be named {LEARNER!r}; use self for self-play")
    names = {"random", *spec.house} if opponents in ("house", "self") else {opponents}
    return {name: make_agent(name) for name in sorted(names)}
