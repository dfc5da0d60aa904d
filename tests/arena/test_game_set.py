"""`--game-set` from the command line to the record: what is stored is played again, and never mixes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.record.store import Store
from arena.record.verify import verify
from arena.tournament.entrants import parse_entrants, trainings
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena.training.options import TrainOptions
from arena.training.settings import new_config
from arena.training.start import start
from arena_games.base import UsageError
from arena_games.registry import find_game

WIDE = "frozen-lake(size=5,horizon=12)"


def test_a_tournament_of_a_variant_is_stored_under_its_name_and_verified(tmp_path: Path) -> None:
    asked = Tournament.of(
        "frozen-lake", "random,search", tmp_path, matches=4, game_set=["horizon=12", "size=5"]
    )
    results = run(asked).results
    assert {result.game for result in results} == {WIDE}
    with Store.read(tmp_path) as store:
        assert store.meta("config")["games"] == {WIDE: 2}
    assert not verify(tmp_path).faults


def test_a_variant_and_the_game_itself_are_two_columns(tmp_path: Path) -> None:
    asked = Tournament.of(f"frozen-lake,{WIDE}", "random,search", tmp_path, matches=2)
    assert {result.game for result in run(asked).results} == {"frozen-lake", WIDE}


def test_a_training_stores_the_whole_name_and_presets_follow_the_game() -> None:
    config = new_config(
        {"game": "frozen-lake", "agent": "nano", "game_set": ["size=5", "horizon=12"]}, [], None
    )
    assert config.game == WIDE
    assert new_config({"game": "snake(apples=3)", "agent": "dqn"}, [], None).steps == 100
    with pytest.raises(UsageError, match="which game"):
        new_config({"agent": "nano", "game_set": ["size=5"]}, [], None)


def test_an_entrant_may_have_been_trained_on_a_variant(tmp_path: Path) -> None:
    (entrant,) = parse_entrants(f"nano+{WIDE}[seed=3,keep=1]")
    (training,) = trainings([entrant], [find_game("snake")], tmp_path)
    assert (training.game, training.settings) == (WIDE, ("seed=3", "keep=1"))
    assert training.folder.name == "nano-seed-3-keep-1@frozen-lake-size-5-horizon-12-"


def test_a_dqn_learns_a_variant(tmp_path: Path) -> None:
    options = TrainOptions(
        "frozen-lake",
        "dqn",
        out=tmp_path / "run",
        steps=1,
        settings=["episodes=2", "eval_episodes=2"],
        game_set=["size=5", "horizon=12"],
    )
    stored = json.loads((start(options) / "config.json").read_text())
    assert stored["game"] == WIDE
