"""The games' README tells the truth: its example runs, its table is the registry."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from arena_games.base import GameSpec, Observation
from arena_games.board import Board
from arena_games.conformance import check_game
from arena_games.conformance.playthrough import play
from arena_games.registry import BUILT_IN

README = Path(__file__).parents[2] / "games" / "README.md"


def blocks(named: str) -> list[str]:
    """The Python in the README: whole games under their files' names, and a picture under none."""
    page = README.read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"```python{named}\n(.*?)```", page, re.DOTALL)
    return found


def example(folder: Path, name: str = "my_game") -> GameSpec:
    """The spec of an example, from a file as a user would save it."""
    (source,) = blocks(rf" file={name}\.py")
    file = folder / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    module_spec = importlib.util.spec_from_file_location(name, file)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    spec: GameSpec = module.SPEC
    return spec


@pytest.mark.parametrize("name", ["my_game", "nim"])
def test_the_examples_conform(name: str, tmp_path: Path) -> None:
    assert [check for check in check_game(example(tmp_path, name)) if not check.passed] == []


def test_who_takes_the_last_stick_wins(tmp_path: Path) -> None:
    spec = example(tmp_path, "nim")
    for seed in range(5):
        played = play(spec, seed)
        taken, last = [visit.action for visit in played.decisions], played.decisions[-1]
        assert [visit.view.seat for visit in played.decisions] == [turn % 2 for turn in range(len(taken))]
        assert last.rewards == {last.view.seat: 1.0, 1 - last.view.seat: -1.0}
        places = played.visits[-1].view.infos["placements"]
        assert places[last.view.seat] == 1
        assert sorted(places) == [1, 2]


def test_the_example_plays_by_its_rules(tmp_path: Path) -> None:
    rock, paper, scissors = range(3)
    throws = [(rock, scissors), (paper, scissors), (paper, rock), (rock, rock), (scissors, rock)]
    last = play(example(tmp_path), 0, [action for throw in throws for action in throw]).visits[-1].view
    assert last.infos == {"placements": (1, 1), "successes": (True, True)}
    assert "So far: you scissors, they rock; you scissors, they paper; you rock, they paper;" in last.text


def test_the_examples_picture_shows_the_throws(tmp_path: Path) -> None:
    names: dict[str, Callable[[Observation], Board | None]] = {}
    exec(blocks("")[0], names)  # type: ignore[arg-type]
    visits = play(example(tmp_path), 0, [0, 2, 1, 2, 0, 0, 0, 0, 0, 0]).visits
    boards = [
        names["board"](Observation("", visit.view.seat, 0, visit.view.text, ()))
        for visit in (visits[0], visits[5])
    ]
    assert boards[0] is None
    assert boards[1] is not None
    assert [[cell.symbol for cell in row] for row in boards[1].rows] == [["S", "S"], ["R", "P"]]


def test_the_table_lists_every_scenario() -> None:
    rows = [
        line.split("|")[1:-1] for line in README.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"
    ]
    told = [(name.strip(" `"), int(seats), int(horizon)) for name, seats, _, _, horizon, *_ in rows]
    assert told == [(spec.name, spec.seats, spec.horizon) for spec in BUILT_IN]
    assert [row[-1].strip() for row in rows] == [spec.success for spec in BUILT_IN]
