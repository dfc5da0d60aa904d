"""No lake is both trained on and judged by, and each split is like the whole."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from arena.match.seeds import episode_seed
from arena_agents.search.frozen_lake import _state_values
from arena_games.frozen_lake.env import FROZEN_LAKE, FROZEN_LAKE_SLIPPERY, FrozenLakeEnv
from arena_games.frozen_lake.maps import map_split
from arena_games.frozen_lake.rules import FrozenLakeConfig, draw_state, solvable
from arena_games.splits import Split, split_of
from arena_games.squares import Cell

EPISODES = 2000
CONFIGS = {spec.name: spec.config for spec in (FROZEN_LAKE, FROZEN_LAKE_SLIPPERY)}

Holes = frozenset[Cell]


def holes_of(config: FrozenLakeConfig, split: Split, episodes: int = EPISODES) -> list[Holes]:
    """The maps of a split's first episodes, as the environment draws them."""
    env = FrozenLakeEnv(config=config)
    maps = []
    for index in range(episodes):
        env.reset(seed=episode_seed(split, 0, index))
        maps.append(env.state.holes)
    return maps


@pytest.fixture(scope="module")
def drawn() -> dict[str, dict[Split, list[Holes]]]:
    return {name: {split: holes_of(config, split) for split in Split} for name, config in CONFIGS.items()}


def test_no_split_plays_a_map_of_another_whatever_the_ice(drawn) -> None:
    seen = {split: {h for maps in drawn.values() for h in maps[split]} for split in Split}
    for one, other in itertools.combinations(Split, 2):
        assert not seen[one] & seen[other]


def test_seeds_of_no_split_play_maps_of_all() -> None:
    for seeds in (range(300), range(2**48, 2**48 + 300)):
        env = FrozenLakeEnv()
        found = set()
        for seed in seeds:
            env.reset(seed=seed)
            found.add(map_split(4, env.state.holes))
        assert found == set(Split)


def test_a_seed_tells_its_split() -> None:
    assert [split_of(episode_seed(split, 7, 3)) for split in Split] == list(Split)
    assert [split_of(seed) for seed in (None, 0, 2**46 - 1, 2**48, 2**64)] == [None] * 5


def test_the_hash_is_the_one_that_is_documented() -> None:
    for holes in (frozenset(), frozenset({(2, 2), (0, 1)}), frozenset({(1, 0), (1, 3), (0, 2)})):
        words = " ".join(f"({x}, {y})" for x, y in sorted(holes)) or "none"
        digest = hashlib.blake2b(f"frozen-lake maps 927: 4x4 {words}".encode(), digest_size=8).digest()
        bucket = int.from_bytes(digest, "little") % 10
        split = Split.TEST if bucket < 2 else Split.VALIDATION if bucket < 4 else Split.TRAIN
        assert map_split(4, holes) == split


def solvable_maps(config: FrozenLakeConfig) -> dict[Holes, float]:
    """Every map that can be solved, with its probability among them."""
    cells = [(x, y) for x in range(4) for y in range(4) if (x, y) not in (config.start, config.goal)]
    subsets = (frozenset(holes) for n in range(15) for holes in itertools.combinations(cells, n))
    weights = {
        holes: (1 - config.frozen) ** len(holes) * config.frozen ** (14 - len(holes))
        for holes in subsets
        if solvable(config, holes)
    }
    return {holes: weight / sum(weights.values()) for holes, weight in weights.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_within_a_split_maps_are_as_likely_as_before(name: str, drawn) -> None:
    """Each split's frequencies against the exact ones, given the split: a chi-square over its common maps."""
    exact = solvable_maps(CONFIGS[name])
    assert len(exact) == 3828
    for split in Split:
        own = {holes: p for holes, p in exact.items() if map_split(4, holes) == split}
        total, maps = sum(own.values()), drawn[name][split]
        assert set(maps) <= set(own)
        common = {holes: EPISODES * p / total for holes, p in own.items() if EPISODES * p / total >= 8}
        assert len(common) >= 10
        chi_square = sum((maps.count(holes) - n) ** 2 / n for holes, n in common.items())
        df = len(common)
        assert chi_square < df + 4 * np.sqrt(2 * df)


@pytest.mark.parametrize(("name", "ceiling_within"), [("frozen-lake", 1e-4), ("frozen-lake-slippery", 0.02)])
def test_the_splits_are_like_the_whole(name: str, ceiling_within: float) -> None:
    """What perfect play reaches on test maps is what it reaches on those of training."""
    config, exact = CONFIGS[name], solvable_maps(CONFIGS[name])
    shares, ceilings = {}, {}
    for split in Split:
        own = {holes: p for holes, p in exact.items() if map_split(4, holes) == split}
        shares[split] = sum(own.values())
        values = {holes: _state_values(config, holes)[config.horizon][config.start] for holes in own}
        ceilings[split] = sum(p * values[holes] for holes, p in own.items()) / shares[split]
    assert 0.15 < shares[Split.TEST] < 0.25
    assert 0.15 < shares[Split.VALIDATION] < 0.25
    assert ceilings[Split.TEST] == pytest.approx(ceilings[Split.TRAIN], abs=ceiling_within)
    assert ceilings[Split.VALIDATION] == pytest.approx(ceilings[Split.TRAIN], abs=ceiling_within)


def test_a_lake_without_maps_of_a_split_can_still_be_played() -> None:
    whole = FrozenLakeConfig(frozen=1.0)  # one map only, of training
    assert draw_state(whole, np.random.default_rng(0), Split.TEST).holes == frozenset()
    for split in Split:
        assert draw_state(FrozenLakeConfig(size=2), np.random.default_rng(0), split).position == (0, 1)


@pytest.mark.parametrize("config", [FrozenLakeConfig(size=6, horizon=12), FrozenLakeConfig(frozen=0.99)])
def test_other_numbers_keep_their_splits_apart_too(config: FrozenLakeConfig) -> None:
    maps = {split: set(holes_of(config, split, 200)) for split in Split}
    assert not maps[Split.TRAIN] & maps[Split.TEST]
    assert not maps[Split.VALIDATION] & (maps[Split.TRAIN] | maps[Split.TEST])


# What other simulators must draw, too: the holes of each split's first three episodes of run 0.
FIRST_MAPS = {
    Split.TRAIN: [[(1, 1), (2, 2), (3, 2)], [], [(0, 1), (2, 2), (3, 3)]],
    Split.VALIDATION: [[(0, 0)], [(0, 0), (1, 1), (3, 2)], [(1, 0), (3, 3)]],
    Split.TEST: [[(0, 2), (3, 2)], [(2, 3), (3, 1)], [(1, 0), (1, 1), (1, 3), (3, 2)]],
}


@pytest.mark.parametrize("split", Split, ids=lambda split: split.name.lower())
def test_the_first_maps_are_the_recorded_ones(split: Split) -> None:
    assert [sorted(holes) for holes in holes_of(FROZEN_LAKE.config, split, 3)] == FIRST_MAPS[split]
