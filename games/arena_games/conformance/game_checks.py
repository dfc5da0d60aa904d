"""Checks of the game as a whole. Each returns what is wrong in one line, or None."""

from __future__ import annotations

from gymnasium import spaces
from pettingzoo.test import api_test, seed_test

from arena_games.base import ActionKind, GameSpec
from arena_games.conformance.playthrough import play, play_side_by_side

FRESHNESS_EPISODES = 20
INTERLEAVED_EPISODES = 3
NEEDED = {
    ActionKind.LIST: ("action_mask",),
    ActionKind.POSITION: ("action_mask", "action_names"),
    ActionKind.TEXT: (),
}


def spec_fits_environment(spec: GameSpec) -> str | None:
    """Seats and actions are the same in the spec and in the environment's spaces."""
    env = spec.make_env()
    if len(env.possible_agents) != spec.seats:
        return f"the spec has {spec.seats} seats, the environment {len(env.possible_agents)}"
    if len({name.casefold() for name in spec.actions}) != len(spec.actions):
        return "two actions have the same name, but for case"
    if (spec.kind == ActionKind.LIST) != bool(spec.actions):
        return "a spec lists its actions if, and only if, its kind is a list"
    for agent in env.possible_agents:
        for name in ("action_space", "observation_space"):
            if getattr(env, name)(agent) is not getattr(env, name)(agent):
                return f"{name}({agent!r}) gives another object each time; make it once, in __init__"
        fault = _space_fault(spec, env.action_space(agent))
        if fault:
            return f"{agent} {fault}"
        seen = env.observation_space(agent)
        needed = {"text", *NEEDED[spec.kind]}
        if not isinstance(seen, spaces.Dict) or not needed <= set(seen):
            listing = " and ".join(f'"{name}"' for name in sorted(needed, reverse=True))
            return f"{agent} needs an observation space Dict with {listing}"
    return None


def _space_fault(spec: GameSpec, space: object) -> str | None:
    if spec.kind == ActionKind.TEXT:
        return None if isinstance(space, spaces.Text) else f"needs an action space Text, not {space}"
    if isinstance(space, spaces.Discrete) and (space.start, space.n) == (0, spec.action_count):
        return None
    return f"needs the action space Discrete({spec.action_count}), not {space}"


def passes_api_test(spec: GameSpec) -> None:
    """PettingZoo's `api_test` raises on a fault."""
    api_test(spec.make_env())


def passes_seed_test(spec: GameSpec) -> None:
    """PettingZoo's `seed_test` raises on a fault."""
    seed_test(spec.make_env)


def reset_forgets(spec: GameSpec) -> str | None:
    """An environment that has played before plays the next seed as a fresh one does."""
    used = spec.make_env()
    play(spec, 0, env=used)
    again, fresh = play(spec, 1, env=used), play(spec, 1)
    for number, (one, other) in enumerate(zip(again.visits, fresh.visits, strict=False)):
        field = one.view.difference(other.view)
        if field:
            return f"after a second reset, {field} differs from a fresh environment's at step {number}"
    return None


def plays_beside_others(spec: GameSpec) -> str | None:
    """The same seed gives the same episode alone and with others going on beside it."""
    seeds = range(INTERLEAVED_EPISODES)
    for seed, beside in zip(seeds, play_side_by_side(spec, seeds), strict=True):
        alone = play(spec, seed).visits
        if len(alone) != len(beside):
            return f"seed {seed}: beside other episodes it has another length than alone"
        for number, (one, other) in enumerate(zip(alone, beside, strict=True)):
            field = one.view.difference(other.view) or ("action" if one.action != other.action else None)
            if field:
                return f"seed {seed}: beside other episodes, {field} differs at step {number}"
    return None


def observations_are_fresh(spec: GameSpec) -> str | None:
    """No seat is shown the board as it was one round ago.

    A seat that lags always sees its first text twice, and changes only later.
    """
    plays = [play(spec, seed) for seed in range(FRESHNESS_EPISODES)]
    for seat in range(spec.seats):
        texts = [[visit.view.text for visit in one.visits if visit.view.seat == seat][:3] for one in plays]
        long = [seen for seen in texts if len(seen) == 3]
        if long and all(a == b for a, b, _ in long) and any(b != c for _, b, c in long):
            return f"seat {seat} is shown the board from before the last round"
    return None
