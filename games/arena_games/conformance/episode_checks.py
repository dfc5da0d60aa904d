"""Checks of one recorded episode. Each returns what is wrong in one line, or None."""

from __future__ import annotations

import math
import re
from itertools import zip_longest

import numpy as np

from arena_games.base import Action, GameSpec
from arena_games.conformance.playthrough import WORDS, Playthrough, View, env_after, look, play

MOST_NAMED = 128  # legal actions that a text has to name


def repeats(spec: GameSpec, played: Playthrough) -> str | None:
    """The same seed and actions give the same texts, grids, rewards and ends."""
    again = play(spec, played.seed, played.actions)
    for number, (one, other) in enumerate(zip_longest(played.visits, again.visits)):
        if one is None or other is None:
            return "played again, the episode has another length"
        field = one.view.difference(other.view) or ("rewards" if one.rewards != other.rewards else None)
        if field:
            return f"played again, {field} differs at step {number}"
    return None


def hides_pending_moves(spec: GameSpec, played: Playthrough) -> str | None:
    """What a later seat is told does not depend on the moves its round has already committed.

    One round and one later seat of it are drawn per episode; all earlier moves are changed.
    """
    rng = np.random.default_rng([played.seed, 2])
    rounds = [indices for indices in played.rounds() if len(indices) > 1]
    if not played.simultaneous or not rounds:
        return None
    first, *later = rounds[rng.integers(len(rounds))]
    asked = int(rng.choice(later))
    changed = [_another(visit.view, visit.action) for visit in played.decisions[first:asked]]
    seen = look(env_after(spec, played.seed, [*played.actions[:first], *changed]))
    field = played.decisions[asked].view.difference(seen)
    return field and (
        f"{field} of seat {seen.seat} depends on a pending move; a game in which seats take turns "
        'must say so: metadata["is_parallelizable"] = False'
    )


def _another(view: View, action: Action | None) -> Action:
    """A legal action other than `action`, if there is one."""
    others: tuple[Action, ...] = view.legal or view.names or WORDS
    return next((other for other in others if other != action), others[0])


def rewards_add_up(spec: GameSpec, played: Playthrough) -> str | None:
    """What `last()` pays each seat, the dead step included, is the sum of `env.rewards`."""
    for seat in range(spec.seats):
        paid = sum(visit.view.paid for visit in played.visits if visit.view.seat == seat)
        earned = sum(visit.rewards.get(seat, 0.0) for visit in played.visits)
        if not math.isfinite(earned):
            return f"seat {seat} earned {earned}"
        if not math.isclose(paid, earned, abs_tol=1e-6):
            return f"seat {seat} was paid {paid:g} by last() but earned {earned:g} in env.rewards"
    return None


def pays_once(spec: GameSpec, played: Playthrough) -> str | None:
    """A dead step pays nobody, and neither does a move that still waits for other seats."""
    resolving = {indices[-1] for indices in played.rounds()}
    decisions = played.decisions
    waiting = [visit for index, visit in enumerate(decisions) if index not in resolving]
    silent = [visit for visit in played.visits if visit.view.ended]
    for visit in silent + (waiting if played.simultaneous else []):
        if any(visit.rewards.values()):
            return f"env.rewards is not cleared after a step of seat {visit.view.seat} that moved nothing"
    return None


def names_every_action(spec: GameSpec, played: Playthrough) -> str | None:
    """The text says the name of each legal action, unless there are too many."""
    for visit in played.decisions:
        if len(visit.view.legal) > MOST_NAMED:
            continue
        for name in visit.view.observation(spec).legal_names:
            if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", visit.view.text):
                return f"the text of seat {visit.view.seat} does not name the legal action {name!r}"
    return None


def reports_the_outcome(spec: GameSpec, played: Playthrough) -> str | None:
    """At the end every seat that is still in has infos with all seats' placements and successes."""
    if not played.visits or not played.visits[-1].view.ended:
        return "no seat was told that the episode had ended"
    infos = played.visits[-1].view.infos
    placements, successes = infos.get("placements", ()), infos.get("successes", ())
    if len(placements) != spec.seats or len(successes) != spec.seats:
        return "the last infos need placements and successes, one for each seat"
    if min(placements) != 1 or not all(1 <= place <= spec.seats for place in placements):
        return f"placements count from 1 and ties share a place, not {placements}"
    if not all(isinstance(success, bool | np.bool_) for success in successes):
        return f"successes are True or False, not {successes}"
    return None


def ends_in_time(spec: GameSpec, played: Playthrough) -> str | None:
    """An episode takes at most horizon decisions of each seat."""
    limit = spec.horizon * spec.seats
    if not played.finished or len(played.decisions) > limit:
        return f"the episode goes on after {limit} decisions ({spec.seats} seats, horizon {spec.horizon})"
    return None


def stays_in_space(spec: GameSpec, played: Playthrough) -> str | None:
    """Every observation, of dead seats too, is inside the observation space."""
    for number, visit in enumerate(played.visits):
        if visit.view.outside:
            return f"the observation of seat {visit.view.seat} at step {number}: {visit.view.outside}"
    return None


def leaves_global_state(spec: GameSpec, played: Playthrough) -> str | None:
    """Neither `random` nor `numpy.random` has moved: all randomness is the episode's own."""
    return "random's or numpy.random's global state was changed" if played.touched_global_state else None
