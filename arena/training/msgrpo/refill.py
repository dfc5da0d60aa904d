"""Dynamic sampling: play further start states until enough groups have something to teach.

    sample starts until B groups have max_G R > min_G R, at most (1 + refill) rollouts an update

Groups whose returns are all equal carry no gradient, and when a policy is very good or very bad most are
of that kind. Source: DAPO, arXiv 2503.14476, section 3.2. Every episode that was played is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from arena.training.language.rollout import Rollout
from arena.training.msgrpo.advantage import informative_groups

# Plays the start states of these numbers.
PlayStarts = Callable[[range], Rollout]


def informative_count(rollout: Rollout) -> int:
    """How many groups have unequal returns."""
    return int(informative_groups(rollout.returns_BG()).sum()) if rollout.groups else 0


def play_until_informative(play: PlayStarts, starts: int, refill: int) -> tuple[Rollout, int]:
    """All that was played: `starts` start states, and up to `refill` times as many as seem to be missing.

    As many informative groups are wanted as the first rollout has groups, one for each of the learner's
    seats at a start state; their number is returned too. A further rollout is sized by the share of
    informative groups so far, and is never larger than the first.
    """
    rollout, played = play(range(starts)), starts
    wanted = len(rollout.groups)
    for _ in range(refill if wanted else 0):
        found = informative_count(rollout)
        if found >= wanted:
            break
        a_start = max(found, 1) / played  # informative groups a start state
        more = min(starts, math.ceil((wanted - found) / a_start))
        rollout = joined(rollout, play(range(played, played + more)))
        played += more
    return rollout, wanted


def joined(first: Rollout, second: Rollout) -> Rollout:
    """Both rollouts as one."""
    return Rollout((*first.groups, *second.groups), first.failed_groups + second.failed_groups)


def first_informative(rollout: Rollout, wanted: int) -> Rollout:
    """The first `wanted` informative groups, in the order of play: what an update learns from."""
    if not rollout.groups:
        return rollout
    informative = informative_groups(rollout.returns_BG()).tolist()
    kept = [group for group, differs in zip(rollout.groups, informative, strict=True) if differs]
    return replace(rollout, groups=tuple(kept[:wanted]))
