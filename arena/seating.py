"""Who sits where: the agents under test on a game's open seats, the house's on the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec

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
