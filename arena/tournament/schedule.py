"""Who meets whom on which seeds. Pure: the same agents, games and seed give the same matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from arena.match.match import Match
from arena.match.seating import seated
from arena.match.seeds import Split, decision_seed, episode_seed
from arena_games.base import GameSpec

FEWEST_SEEDS = 4
CANDIDATES = 300  # patterns that are compared before one is taken


def schedule(games: Iterable[GameSpec], agents: Sequence[str], *, seed: int, matches: int) -> list[Match]:
    """Every match of a tournament, game by game and line-up by line-up.

    On each game every agent plays about `matches` matches, and at least one per line-up and seat.
    All line-ups meet the same seeds: every agent alone where there is one open seat, else the
    line-ups of `seat_orders`, with the seats passed around in turn.
    """
    return list(each_match(games, agents, seed=seed, matches=matches))


def each_match(
    games: Iterable[GameSpec], agents: Sequence[str], *, seed: int, matches: int
) -> Iterator[Match]:
    """The same one after another."""
    return chain.from_iterable(_of_game(spec, agents, seed, matches) for spec in games)


class Schedule(Iterable[Match]):
    """Matches that are made anew whenever they are gone through: nobody holds a million of them."""

    def __init__(self, make: Callable[[], Iterator[Match]]) -> None:
        self._make = make
        self._length: int | None = None

    def __iter__(self) -> Iterator[Match]:
        return self._make()

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self)
        return self._length


def _of_game(spec: GameSpec, agents: Sequence[str], seed: int, matches: int) -> Iterator[Match]:
    orders = seat_orders(agents, len(spec.open_seats), seed=seed, matches=matches)
    for order in orders:
        for index in range(seeds_needed(orders, agents[0], matches)):
            yield Match(spec, episode_seed(Split.TEST, seed, index), seated(spec, order))


def planned_matches(spec: GameSpec, agents: Sequence[str], seed: int, matches: int) -> int:
    """How many matches `schedule` plans of a game."""
    orders = seat_orders(agents, len(spec.open_seats), seed=seed, matches=matches)
    return len(orders) * seeds_needed(orders, agents[0], matches)


def seat_orders(agents: Sequence[str], seats: int, *, seed: int, matches: int) -> list[tuple[str, ...]]:
    """The players by seat of every match on one seed; each agent is in as many as any other.

    All line-ups meet, except in games for more than two where the wanted `matches` of an agent have
    no room for all of them on `FEWEST_SEEDS` seeds: there the line-ups are `balanced_line_ups`. Few
    seeds would leave open whether an agent is good or its boards were.
    """
    others = len(agents) - 1
    if seats > 2 and others >= seats and comb(others, seats - 1) * seats * FEWEST_SEEDS > matches:
        chosen = balanced_line_ups(agents, seats, seed=seed)
    else:
        chosen = line_ups(agents, seats)
    return [order for line_up in chosen for order in rotations(line_up)]


def seeds_needed(orders: Sequence[tuple[str, ...]], agent: str, matches: int) -> int:
    """How many seeds give the agent about `matches` matches when each is played in all `orders`."""
    return max(1, round(matches / sum(agent in order for order in orders)))


def line_ups(agents: Sequence[str], seats: int) -> list[tuple[str, ...]]:
    """All ways to fill the seats, as often with one agent as with another.

    With fewer agents than seats everyone sits down, as often as there is room for all, and the
    seats that are left go to every combination of agents in turn.
    """
    everyone = tuple(agents) * (seats // len(agents))
    return [everyone + rest for rest in combinations(agents, seats % len(agents))]


def balanced_line_ups(agents: Sequence[str], seats: int, *, seed: int) -> list[tuple[str, ...]]:
    """Few line-ups in which everyone plays equally often and meets everyone, as evenly as can be.

    The agents stand in a circle, in an order drawn from `seed`. A pattern is a choice of places on
    it; turned around the circle, one place at a time, it gives as many line-ups as there are agents
    and each agent plays in `seats` of them. Two agents meet as often as their distance occurs in
    the patterns, so patterns are added until every distance does, each time the one out of
    `CANDIDATES` that leaves the distances most even (a cyclic design; Bose 1939 gives the perfect ones).
    """
    around = len(agents)
    generator = np.random.default_rng(decision_seed(seed, around, seats))
    circle = [agents[place] for place in generator.permutation(around)]
    patterns: list[tuple[int, ...]] = []
    met = np.zeros(around, int)  # by distance; at 0 everyone meets itself
    while met[1:].min() == 0:
        rarest = 1 + int(met[1:].argmin())
        drawn = {_pattern(around, seats, rarest, generator) for _ in range(CANDIDATES)}
        whole = sorted(pattern for pattern in drawn if len(_turned(pattern, around)) == around)
        best = min(whole, key=lambda pattern: _unevenness(met + _distances(pattern, around)))
        patterns.append(best)
        met += _distances(best, around)
    return [tuple(circle[place] for place in turn) for p in patterns for turn in _turned(p, around)]


def _pattern(around: int, seats: int, distance: int, generator: np.random.Generator) -> tuple[int, ...]:
    """Places on the circle, two of them at the given distance."""
    left = [place for place in range(1, around) if place != distance]
    return (0, distance, *sorted(generator.choice(left, seats - 2, replace=False).tolist()))


def _turned(pattern: tuple[int, ...], around: int) -> list[tuple[int, ...]]:
    """The pattern turned around the circle, without those turns that give the same places again."""
    turns = [tuple((place + turn) % around for place in pattern) for turn in range(around)]
    return list({frozenset(turn): turn for turn in turns}.values())


def _distances(pattern: tuple[int, ...], around: int) -> NDArray[np.int_]:
    """How often each distance, 0 to `around` − 1, lies between two places of the pattern."""
    places = np.array(pattern)
    return np.bincount((places[:, None] - places).ravel() % around, minlength=around)


def _unevenness(met: NDArray[np.int_]) -> int:
    return int((met[1:] ** 2).sum())


def rotations(line_up: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The different seat orders that come from passing the seats around the table."""
    return list(dict.fromkeys(line_up[i:] + line_up[:i] for i in range(len(line_up))))
