"""Who meets whom: everyone equally often, on every seat, on the same seeds."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.match.match import Match
from arena.match.seeds import Split
from arena.tournament.schedule import balanced_line_ups, line_ups, rotations, schedule
from arena_games.base import GameSpec
from arena_games.registry import find_game, game_specs

LAKE, SNAKE, DUEL, ROYALE = map(find_game, ("frozen-lake", "snake", "snake-duel", "snake-royale"))
NAMES = [f"agent-{number}" for number in range(9)]
counts = st.integers(1, 9)


def scheduled(spec: GameSpec, agents: int, matches: int = 30, seed: int = 0) -> list[Match]:
    return schedule([spec], NAMES[:agents], seed=seed, matches=matches)


@pytest.mark.parametrize("spec", [LAKE, SNAKE], ids=lambda spec: spec.name)
def test_with_one_open_seat_all_agents_meet_the_same_seeds(spec: GameSpec) -> None:
    matches = scheduled(spec, 3, matches=10)
    seeds = {name: [m.seed for m in matches if name in m.players] for name in NAMES[:3]}
    assert len({tuple(of) for of in seeds.values()}) == 1
    assert len(set(seeds[NAMES[0]])) == 10


def test_the_house_sits_on_its_own_seats_under_its_own_name() -> None:
    matches = schedule([SNAKE], ["random", "a"], seed=0, matches=1)
    assert [m.players for m in matches] == [("random", "house:random"), ("a", "house:random")]


def test_two_seats_every_pairing_in_both_orders_on_the_same_seeds() -> None:
    matches = scheduled(DUEL, 4, matches=30)
    by_pair = Counter(m.players for m in matches)
    assert len(by_pair) == 4 * 3
    assert set(by_pair.values()) == {5}, "30 matches each: 3 opponents × 2 orders × 5 seeds"
    seeds = {players: {m.seed for m in matches if m.players == players} for players in by_pair}
    assert len({frozenset(of) for of in seeds.values()}) == 1


@given(agents=counts, matches=st.integers(1, 60))
def test_everyone_plays_equally_often_on_every_seat(agents: int, matches: int) -> None:
    for spec in (LAKE, DUEL, ROYALE):
        found = scheduled(spec, agents, matches)
        played = Counter(name for match in found for name in set(match.players))
        seated = Counter((name, seat) for match in found for seat, name in enumerate(match.players))
        assert len({played[name] for name in NAMES[:agents]}) == 1
        if spec.seats == len(spec.open_seats):
            counted = {seated[name, seat] for name in NAMES[:agents] for seat in range(spec.seats)}
            assert len(counted) == 1


@given(agents=counts, seats=st.integers(1, 6))
def test_line_ups_hold_everyone_as_evenly_as_can_be(agents: int, seats: int) -> None:
    for line_up in line_ups(NAMES[:agents], seats):
        held = Counter(line_up)
        assert sum(held.values()) == seats
        if agents <= seats:
            assert max(held.values()) - min(held[name] for name in NAMES[:agents]) <= 1
        else:
            assert set(held.values()) == {1}


def test_rotations_pass_the_seats_around_without_repeating() -> None:
    assert rotations(("a", "b", "c")) == [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")]
    assert rotations(("a", "b", "a", "b")) == [("a", "b", "a", "b"), ("b", "a", "b", "a")]


@given(agents=counts, matches=st.integers(1, 40), seed=st.integers(0, 5))
def test_no_match_is_scheduled_twice_and_all_on_test_seeds(agents: int, matches: int, seed: int) -> None:
    found = schedule([LAKE, DUEL, ROYALE], NAMES[:agents], seed=seed, matches=matches)
    assert len({match.id for match in found}) == len(found)
    assert {match.seed >> 46 for match in found} == {Split.TEST}


def test_another_seed_means_other_maps() -> None:
    seeds = [{m.seed for m in scheduled(LAKE, 2, seed=seed)} for seed in (0, 1)]
    assert not seeds[0] & seeds[1]


def test_agents_play_about_as_many_matches_as_asked() -> None:
    for spec in game_specs():
        played = Counter(name for m in scheduled(spec, 6, matches=100) for name in set(m.players))
        assert 80 <= played[NAMES[0]] <= 120, spec.name


def test_with_one_game_and_seed_every_line_up_sits_in_every_rotation() -> None:
    for spec in (DUEL, ROYALE):
        by_seed: dict[int, Counter[tuple[str, ...]]] = {}
        for match in scheduled(spec, 7, matches=90):
            by_seed.setdefault(match.seed, Counter())[match.players] += 1
        assert len({frozenset(orders.items()) for orders in by_seed.values()}) == 1, "the same on every seed"
        orders = by_seed.popitem()[1]
        assert set(orders.values()) == {1}
        assert {turned for order in orders for turned in rotations(order)} == set(orders)


@settings(max_examples=30)
@given(agents=st.integers(5, 40), seats=st.integers(3, 6), seed=st.integers(0, 3))
def test_balanced_line_ups_seat_everyone_equally_often_and_let_everyone_meet(
    agents: int, seats: int, seed: int
) -> None:
    agents, names = max(agents, seats + 1), [f"agent-{number}" for number in range(max(agents, seats + 1))]
    found = balanced_line_ups(names, seats, seed=seed)
    assert {len(set(line_up)) for line_up in found} == {seats}
    assert len({frozenset(line_up) for line_up in found}) == len(found)
    assert len(set(Counter(name for line_up in found for name in line_up).values())) == 1
    met = Counter(frozenset(pair) for line_up in found for pair in combinations(line_up, 2))
    times = [met[frozenset(pair)] for pair in combinations(names, 2)]
    assert min(times) >= 1
    assert max(times) - min(times) <= 2


def test_the_perfect_design_is_found_where_there_is_one() -> None:
    found = balanced_line_ups([str(number) for number in range(13)], 4, seed=0)
    met = Counter(frozenset(pair) for line_up in found for pair in combinations(line_up, 2))
    assert set(met.values()) == {1}, "the projective plane of order 3: 13 line-ups, every pair once"


def test_many_agents_at_a_large_table_stay_near_the_wanted_matches() -> None:
    names = [f"agent-{number}" for number in range(30)]
    for matches in (60, 200):
        found = schedule([ROYALE], names, seed=0, matches=matches)
        played = Counter(name for match in found for name in match.players)
        assert len(set(played.values())) == 1
        assert 0.8 * matches <= played[names[0]] <= 1.25 * matches
    assert schedule([ROYALE], names, seed=0, matches=60) == schedule([ROYALE], names, seed=0, matches=60)


def test_all_line_ups_meet_where_the_wanted_matches_have_room_for_them() -> None:
    assert len({frozenset(match.players) for match in scheduled(ROYALE, 6, matches=160)}) == 15
    assert len({frozenset(match.players) for match in scheduled(ROYALE, 6, matches=159)}) == 6
    assert len({match.seed for match in scheduled(ROYALE, 6, matches=159)}) == 10
