"""Every game of ours passes the suite that users run on theirs, and the suite reports as it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arena_games.base import GameSpec
from arena_games.conformance import check_game
from arena_games.conformance.suite import EPISODE_CHECKS, GAME_CHECKS, PLAYS
from arena_games.registry import BUILT_IN, find_game


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_every_scenario_conforms(spec: GameSpec) -> None:
    checks = check_game(spec)
    assert [check for check in checks if not check.passed] == []
    assert [check.name for check in checks] == [*GAME_CHECKS, PLAYS, *EPISODE_CHECKS]


def test_a_report_says_how_much_was_played() -> None:
    checks = check_game(find_game("frozen-lake"), episodes=3, seed=5)
    assert {check.detail for check in checks if check.name in EPISODE_CHECKS} == {"3 episodes"}


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    check_game(find_game("snake"), episodes=1)
    assert capfd.readouterr() == ("", "")
    assert list(recwarn) == []


def test_no_episodes_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        check_game(find_game("snake"), episodes=0)


def test_a_game_that_cannot_be_made_is_reported_and_nothing_else_is_claimed() -> None:
    def make_env() -> None:
        raise RuntimeError("no lake here\nand a long story")

    checks = check_game(replace(find_game("frozen-lake"), make_env=make_env))
    assert [check.name for check in checks] == [*GAME_CHECKS, PLAYS]
    assert {check.passed for check in checks} == {False}
    assert checks[-1].detail == "seed 0: RuntimeError: no lake here"
