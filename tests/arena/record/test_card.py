"""A run's card: the same elsewhere, whatever the order and the times; the first difference is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from arena.record.card import card_of, first_difference, read_card
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena.views.card import show_card_check, write_card
from arena_games.base import UsageError


@pytest.fixture(name="played", scope="module")
def play_it(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "t"
    run(Tournament.of("frozen-lake,snake", "random,search", folder, matches=6))
    return folder


def test_the_same_tournament_elsewhere_has_the_same_card(played: Path, tmp_path: Path) -> None:
    run(Tournament.of("frozen-lake,snake", "random,search", tmp_path / "again", matches=6))
    write_card(played, tmp_path / "card.json", as_json=False)
    assert show_card_check(tmp_path / "again", tmp_path / "card.json")
    card = read_card(tmp_path / "card.json")
    assert card["episodes"] == 24
    assert [row["agent"] for row in card["ratings"]["overall"]] == ["search", "random"]


def test_the_first_difference_is_named(
    played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(Tournament.of("frozen-lake,snake", "random,search", tmp_path / "other", matches=6, seed=1))
    write_card(played, tmp_path / "card.json", as_json=False)
    capsys.readouterr()
    assert not show_card_check(tmp_path / "other", tmp_path / "card.json")
    assert "config.seed: 0 on the card, 1 here" in capsys.readouterr().out


def test_a_policy_that_was_changed_shows(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "best").mkdir(parents=True)
    (folder / "config.json").write_text('{"game": "snake"}')
    (folder / "best" / "model.safetensors").write_bytes(b"one")
    before = card_of(folder)
    assert first_difference(before, card_of(folder)) is None
    (folder / "best" / "model.safetensors").write_bytes(b"two")
    assert str(first_difference(before, card_of(folder))).startswith("policies.best: ")
    shutil.rmtree(folder / "best")
    assert "null here" in str(first_difference(before, card_of(folder)))
    assert first_difference(before, before | {"program": "9.9"}) is None


def test_a_page_and_what_is_no_card(played: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_card(played, None, as_json=False)
    assert "| search | " in capsys.readouterr().out
    write_card(played, None, as_json=True)
    assert json.loads(capsys.readouterr().out)["kind"] == "tournament"
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(UsageError, match="is no card of version 1"):
        read_card(tmp_path / "card.json")
    with pytest.raises(UsageError, match="holds no tournament and no training"):
        card_of(tmp_path)
