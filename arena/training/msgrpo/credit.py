"""Credit: which advantage each step of an episode gets.

    episode       A_t = A^E, the episode's                              MS-GRPO, arXiv 2508.10839
    return_to_go  A_t = G_t less the mean of the group's G_t of turn t  G_t = Σ_{s≥t} γ^{s−t} r_s
    step_group    A_t = A^E + (G_t − mean of its state) / one deviation of the whole group
    gigpo         A_t = A^E + ω (G_t − mean of its state) / deviation of its state    arXiv 2505.10978
    turn_gae      A_t by a critic                                       critic.py

"Its state": the steps of the group's episodes that met the same state. A step that met a state alone has
no peer, and only the episode's term. In `step_group` two peers that differ by little get little credit; in
`gigpo`, as published, a full ±1.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from statistics import fmean

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Trajectory
from arena.training.msgrpo.advantage import EPSILON, returns_to_go
from arena_agents import Observation
from arena_games.base import GameSpec

# What tells an observation's state: equal of equal states.
StateKey = Callable[[Observation], Hashable]
Steps = Sequence[Sequence[float]]  # a number for each step, by trajectory


def state_key(spec: GameSpec | None) -> StateKey:
    """States by a game's numeric view, its symmetries included where the game names any; else by their text.

    A mirrored position is worth the same, so that it may be compared with: a state is the smallest of the
    symmetric grids' bytes.
    """
    symmetries = spec.symmetries if spec is not None else None

    def key(observation: Observation) -> Hashable:
        if observation.grid is None:
            return observation.text
        grids = symmetries(observation.grid) if symmetries else (observation.grid,)
        return min(grid.tobytes() for grid in grids)

    return key


def step_advantages(
    group: Sequence[Trajectory], advantages_G: Sequence[float], config: MsgrpoConfig, key: StateKey
) -> list[list[float]]:
    """Each step's advantage, by trajectory, for every credit but `turn_gae`.

    `advantages_G` are the episodes'. The equations are at the head of this file.
    """
    inherited = [[a] * len(t.steps) for a, t in zip(advantages_G, group, strict=True)]
    if config.credit == "episode":
        return inherited
    to_go = [returns_to_go([step.reward for step in t.steps], config.discount) for t in group]
    if config.credit == "return_to_go":
        return _standardised(to_go, [list(range(len(t.steps))) for t in group], config)
    states = [[key(step.observation) for step in t.steps] for t in group]
    if config.credit == "step_group":
        return _sum(inherited, _standardised(to_go, states, config), 1.0)
    return _sum(inherited, _standardised_by_key(to_go, states, config), config.step_weight)


def peer_share(groups: Sequence[Sequence[Trajectory]], key: StateKey) -> float | None:
    """The share of steps whose state another step of the same group met too; None of no steps."""
    steps = peers = 0
    for group in groups:
        met = Counter(key(step.observation) for t in group for step in t.steps)
        steps += met.total()
        peers += sum(count for count in met.values() if count > 1)
    return peers / steps if steps else None


def _sum(first: Steps, second: Steps, weight: float) -> list[list[float]]:
    return [
        [a + weight * b for a, b in zip(row, other, strict=True)]
        for row, other in zip(first, second, strict=True)
    ]


def _standardised(
    values: Steps, keys: Sequence[Sequence[Hashable]], config: MsgrpoConfig
) -> list[list[float]]:
    """Values less the mean of those with the same key, over the group's standard deviation.

    One deviation for the whole group: a key that only two steps share would otherwise make a full
    ±1 of any difference between them, however small.
    """
    centred = _centred(values, keys)
    if config.advantage_scale == "none":
        return centred
    scale = math.sqrt(fmean(value**2 for row in centred for value in row)) + EPSILON
    return [[value / scale for value in row] for row in centred]


def _standardised_by_key(
    values: Steps, keys: Sequence[Sequence[Hashable]], config: MsgrpoConfig
) -> list[list[float]]:
    """The same over the standard deviation of those with the same key; 0 for who is alone."""
    centred = _centred(values, keys)
    if config.advantage_scale == "none":
        return centred
    by_key = _by_key(centred, keys)
    scale = {key: math.sqrt(fmean(value**2 for value in found)) + EPSILON for key, found in by_key.items()}
    return [
        [value / scale[key] for value, key in zip(row, names, strict=True)]
        for row, names in zip(centred, keys, strict=True)
    ]


def _centred(values: Steps, keys: Sequence[Sequence[Hashable]]) -> list[list[float]]:
    mean = {key: fmean(found) for key, found in _by_key(values, keys).items()}
    return [
        [value - mean[key] for value, key in zip(row, names, strict=True)]
        for row, names in zip(values, keys, strict=True)
    ]


def _by_key(values: Steps, keys: Sequence[Sequence[Hashable]]) -> dict[Hashable, list[float]]:
    found: dict[Hashable, list[float]] = defaultdict(list)
    for row, names in zip(values, keys, strict=True):
        for value, key in zip(row, names, strict=True):
            found[key].append(value)
    return found
