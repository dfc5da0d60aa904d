"""Runs every check on a game and reports each in one line."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

from arena_games.base import GameSpec
from arena_games.conformance import episode_checks, game_checks, parser_checks
from arena_games.conformance.playthrough import Playthrough, play

GAME_CHECKS: dict[str, Callable[[GameSpec], str | None]] = {
    "the spec fits the environment": game_checks.spec_fits_environment,
    "PettingZoo api_test": game_checks.passes_api_test,
    "PettingZoo seed_test": game_checks.passes_seed_test,
    "a reset forgets the episode before": game_checks.reset_forgets,
    "same seed, same episode beside others": game_checks.plays_beside_others,
    "observations are fresh": game_checks.observations_are_fresh,
}

PLAYS = "random episodes can be played"

EPISODE_CHECKS: dict[str, Callable[[GameSpec, Playthrough], str | None]] = {
    "every episode ends within the horizon": episode_checks.ends_in_time,
    "same seed and actions, same episode": episode_checks.repeats,
    "no seat sees a pending move": episode_checks.hides_pending_moves,
    "rewards add up": episode_checks.rewards_add_up,
    "nothing is paid twice": episode_checks.pays_once,
    "final infos hold placements and successes": episode_checks.reports_the_outcome,
    "observations are inside their space": episode_checks.stays_in_space,
    "global random state is untouched": episode_checks.leaves_global_state,
    "the text names every legal action": episode_checks.names_every_action,
    "every action can be named": parser_checks.every_action_can_be_named,
    "parse never raises": parser_checks.parses_anything,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `detail` says what is wrong, or how much was looked at."""

    name: str
    passed: bool
    detail: str


def check_game(spec: GameSpec, *, episodes: int = 200, seed: int = 0) -> list[Check]:
    """Play `episodes` random episodes with seeds from `seed` on and run every check on them.

    An error that the game raises is a failed check, never an exception. Raises ValueError if
    there is nothing to play.
    """
    if episodes < 1:
        raise ValueError(f"a check needs at least one episode, not {episodes}")
    with _quiet():
        return [*_check_whole(spec), *_check_episodes(spec, range(seed, seed + episodes))]


def _check_whole(spec: GameSpec) -> Iterator[Check]:
    for name, check in GAME_CHECKS.items():
        fault = _fault(check, spec)
        yield Check(name, fault is None, fault or "ok")


def _check_episodes(spec: GameSpec, seeds: range) -> Iterator[Check]:
    faults: dict[str, str] = {}
    examined = 0
    for seed in seeds:
        found = _examine(spec, seed, skip=frozenset(faults))
        faults |= {name: f"seed {seed}: {fault}" for name, fault in found.items()}
        if PLAYS in faults:
            break
        examined += 1
    # Without an episode there is no evidence either way.
    for name in [PLAYS, *(EPISODE_CHECKS if examined else ())]:
        yield Check(name, name not in faults, faults.get(name, f"{examined} episodes"))


def _examine(spec: GameSpec, seed: int, skip: frozenset[str]) -> dict[str, str]:
    """The faults of one episode by check. Checks that have failed before are not run again."""
    try:
        played = play(spec, seed)
    except (Exception, SystemExit) as error:
        return {PLAYS: one_line(error)}
    faults = {name: _fault(check, spec, played) for name, check in EPISODE_CHECKS.items() if name not in skip}
    return {name: fault for name, fault in faults.items() if fault is not None}


def _fault(check: Callable[..., str | None], *evidence: object) -> str | None:
    try:
        return check(*evidence)
    except (Exception, SystemExit) as error:
        return one_line(error)


def one_line(error: BaseException) -> str:
    """`ValueError: what happened`, without the rest of a long message."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:500]


@contextmanager
def _quiet() -> Iterator[None]:
    """PettingZoo's tests print and warn about what is a matter of taste."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
