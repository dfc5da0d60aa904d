"""What the page says in words about a run: its finding, its size, its configuration and its versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from arena.untrusted import escaped_name
from arena.views.circles import nash_rows
from arena.views.numbers import level, percent
from arena.views.page.data import RunData
from arena_games.base import UsageError
from arena_games.registry import stored_game
from arena_leaderboard import Circles, Leaderboard, SeatEffect, Standing

MOST_NAMED = 5  # of the leaders that cannot be told apart
WORDS = {"matches": "matches of each agent in each game, about"}


def summary(board: Leaderboard) -> str:
    """Who leads, and whether that is settled."""
    rated = [standing for standing in board.overall if standing.rating]
    if not rated:
        return "No match has been rated yet."
    if len(rated) == 1:
        return f"{escaped_name(rated[0].agent)} is the only rated agent."
    leaders = _not_separable(rated)
    if len(leaders) == 1:
        first, second = rated[:2]
        fewer = board.in_fewer_games().get(first.agent)
        where = f" (rated in {fewer} of {len(board.games)} games)" if fewer else ""
        return (
            f"{escaped_name(first.agent)}{where} leads, and is separated from {escaped_name(second.agent)} "
            f"at {level(board.level)}."
        )
    names = [escaped_name(standing.agent) for standing in leaders]
    if len(names) > MOST_NAMED:
        names = [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} others"]
    return f"{', '.join(names[:-1])} and {names[-1]} lead, and cannot be told apart at {level(board.level)}."


def _not_separable(rated: Sequence[Standing]) -> list[Standing]:
    """The first, and those after it of whom each cannot be told from the one above it."""
    leaders = [rated[0]]
    for standing in rated[1:]:
        if standing.separated is not False:
            break
        leaders.append(standing)
    return leaders


def round_about(found: Circles | None) -> str:
    """The cycles, and what Nash averaging makes of them; empty where there is none."""
    if found is None or not found.cycles or found.nash is None:
        return ""
    rows = nash_rows(found.nash)
    parts = [f"{escaped_name(agent)} {percent(mass, 0)}" for agent, mass, _ in rows if mass >= 0.005]
    named = "; ".join(" beats ".join(map(escaped_name, (*cycle, cycle[0]))) for cycle in found.cycles)
    return f"{named}. Nash averaging, the mixture that nobody beats: {', '.join(parts)}."


def counts(run: RunData) -> list[tuple[str, str]]:
    """The run's size as (number, what it counts)."""
    numbers = (
        (len(run.board.overall), "agent"),
        (len(run.board.games), "game"),
        (run.matches, "match"),
        (run.decisions, "decision"),
        (len(run.curves), "training run"),
    )
    plural = {"match": "matches"}
    return [(f"{n:,}", name if n == 1 else plural.get(name, f"{name}s")) for n, name in numbers if n]


def about(game: str) -> str:
    """One line on a game: its seats, its horizon and what success is; empty for one not installed here."""
    try:
        spec = stored_game(game)
    except UsageError:
        return ""
    seats = "1 seat" if len(spec.open_seats) == 1 else f"{len(spec.open_seats)} seats"
    house = f" beside the house’s {', '.join(spec.house)}" if spec.house else ""
    return f"{seats}{house}, {spec.horizon} moves at most. Success: {spec.success}."


def seats_in_words(effects: Sequence[SeatEffect]) -> str:
    """What each seat of a game is worth; empty for a game of one seat."""
    if not effects:
        return ""
    found = (
        f"seat {seat.seat + 1}: {percent(seat.score, 0)} ({100 * seat.low:.0f} – {100 * seat.high:.0f})"
        for seat in effects
    )
    return f"Ahead of the others, by seat, with 95 % intervals: {', '.join(found)}."


def config_facts(config: Mapping[str, Any]) -> dict[str, str]:
    """What decided the matches, apart from the agents."""
    facts = {}
    for key, value in config.items():
        if key == "games" and isinstance(value, Mapping):
            facts["games"] = ", ".join(f"{game} v{number}" for game, number in value.items())
        elif key != "agents":
            facts[WORDS.get(key, key)] = _plain(value)
    return facts


def agent_facts(config: Mapping[str, Any]) -> dict[str, str]:
    """Every entrant's label and the spec that it was made from."""
    agents = config.get("agents")
    return (
        {escaped_name(name): _plain(spec) for name, spec in agents.items()}
        if isinstance(agents, Mapping)
        else {}
    )


def version_facts(environment: Mapping[str, Any]) -> dict[str, str]:
    """The versions that played, packages among them."""
    facts = {key: _plain(value) for key, value in environment.items() if key != "packages"}
    packages = environment.get("packages")
    if isinstance(packages, Mapping):
        facts |= {name: _plain(number) for name, number in packages.items()}
    return {name.replace("_", " "): value for name, value in facts.items()}


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
