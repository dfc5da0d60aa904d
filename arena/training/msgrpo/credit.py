"""Credit: which advantage each step of an episode gets."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from arena.training.config import MsgrpoConfig
from arena.training.language.rollout import Trajectory
from arena.training.msgrpo.advantage import EPSILON, returns_to_go


def step_advantages(
    group: Sequence[Trajectory], advantages_G: list[float], config: MsgrpoConfig
) -> list[list[float]]:
    """Each step's advantage, by trajectory. The paper's: every step inherits its episode's.

    `return_to_go` compares what followed a step with what followed the same turn of the group's
    other episodes, `step_group` with what followed the same state.
    """
    if config.credit == "episode":
        return [[a] * len(t.steps) for a, t in zip(advantages_G, group, strict=True)]
    to_go = [returns_to_go([step.reward for step in t.steps], config.discount) for t in group]
    if config.credit == "return_to_go":
        turns = [[str(turn) for turn in range(len(t.steps))] for t in group]
        return _standardised(to_go, turns, config)
    return _standardised(to_go, [[step.observation.text for step in t.steps] for t in group], config)


def _standardised(
    values: Sequence[Sequence[float]], keys: Sequence[Sequence[str]], config: MsgrpoConfig
) -> list[list[float]]:
    """Values less the mean of those with the same key, over the group's standard deviation.

    One deviation for the whole group: a key that only two steps share would otherwise make a full
    ±1 of any difference between them, however small.
    """
    by_key: dict[str, list[float]] = defaultdict(list)
    for row, names in zip(values, keys, strict=True):
        for value, name in zip(row, names, strict=True):
            by_key[name].append(value)
    mean = {name: fmean(found) for name, found in by_key.items()}
    centred = [
        [value - mean[name] for value, name in zip(row, names, strict=True)]
        for row, names in zip(values, keys, strict=True)
    ]
    if config.advantage_scale == "none":
        return centred
    scale = math.sqrt(fmean(value**2 for row in centred for value in row)) + EPSILON
    return [[value / scale for value in row] for row in centred]
