"""Cycles: found where they are, by exhaustion too, and not in tables of chance."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arena_leaderboard import MatchResult, cycles, head_to_head, settled

AGENTS = "abcde"


def results(wins: dict[tuple[str, str], tuple[int, int]]) -> list[MatchResult]:
    """So many wins and losses of each pair."""
    empty = ((0.0, 0.0), (False, False), (0, 0), (1, 1), (0.0, 0.0))
    return [
        MatchResult("g", seed, pair, places, *empty)
        for pair, (won, lost) in wins.items()
        for seed, places in enumerate([(1, 2)] * won + [(2, 1)] * lost)
    ]


def test_who_beats_whom_is_settled_by_intervals_that_share_one_level() -> None:
    found = settled(head_to_head(results({("a", "b"): (18, 2), ("b", "c"): (12, 8), ("c", "a"): (0, 0)})))
    assert found == {"a": ("b",), "b": (), "c": ()}


def test_rock_paper_scissors_is_named() -> None:
    table = {("r", "s"): (20, 0), ("s", "p"): (20, 0), ("p", "r"): (20, 0), ("r", "weak"): (20, 0)}
    assert cycles(settled(head_to_head(results(table), ["weak", "p", "r", "s"]))) == [("p", "r", "s")]


def test_a_line_is_no_cycle() -> None:
    assert cycles({"a": ["b", "c"], "b": ["c"], "c": []}) == []


@given(st.sets(st.tuples(st.sampled_from(AGENTS), st.sampled_from(AGENTS)).filter(lambda p: p[0] != p[1])))
def test_shortest_cycles_are_those_of_exhaustion(pairs: set[tuple[str, str]]) -> None:
    beats = {agent: [other for one, other in sorted(pairs) if one == agent] for agent in AGENTS}

    def closed(path: tuple[str, ...]) -> bool:
        return all((one, other) in pairs for one, other in zip(path, (*path[1:], path[0]), strict=True))

    def fewest(agent: str) -> int | None:
        lengths = (n for n in range(2, 6) for p in permutations(AGENTS, n) if agent in p and closed(p))
        return next(lengths, None)

    found = cycles(beats)
    assert all(closed(cycle) and cycle[0] == min(cycle) for cycle in found)
    assert len(set(found)) == len(found)
    for agent in AGENTS:
        through = [len(cycle) for cycle in found if agent in cycle]
        assert min(through, default=None) == fewest(agent)


def test_equal_agents_hardly_ever_go_round() -> None:
    rng, named = np.random.default_rng(0), 0
    for _ in range(100):
        won = {pair: int(rng.binomial(24, 0.5)) for pair in permutations(AGENTS, 2) if pair[0] < pair[1]}
        named += bool(cycles(settled(head_to_head(results({p: (w, 24 - w) for p, w in won.items()})))))
    assert named == 0
