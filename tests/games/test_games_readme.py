"""The games' README tells the truth: its example runs, its table is the registry."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from arena_games.base import GameSpec, Observation
from arena_games.board import Board
from arena_games.conformance import check_game
from arena_games.conformance.playthrough import play
from arena_games.registry import BUILT_IN

README = Path(__file__).parents[2] / "games" / "README.md"


def blocks() -> list[str]:
    """The Python in the README: a whole game, then its picture."""
    found: list[str] = re.findall(r"```python[^\n]*\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return found


def example(folder: Path) -> GameSpec:
    """The spec of the example, from a file as a user would save it."""
    source = blocks()[0]
    file = folder / "my_game.py"
    file.write_text(source, encoding="utf-8")
    module_spec = importlib.util.spec_from_file_location("my_game", file)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    spec: GameSpec = module.SPEC
    return spec


def test_the_example_conforms(tmp_path: Path) -> None:
    assert [check for check in check_game(example(tmp_path)) if not check.passed] == []


def test_the_example_plays_by_its_rules(tmp_path: Path) -> None:
    rock, paper, scissors = range(3)
    throws = [(rock, scissors), (paper, scissors), (paper, rock), (rock, rock), (scissors, rock)]
    last = play(example(tmp_path), 0, [action for throw in throws for action in throw]).visits[-1].view
    assert last.infos == {"placements": (1, 1), "successes": (True, True)}
    assert "So far: you scissors, they rock; you scissors, they paper; you rock, they paper;" in last.text


def test_the_examples_picture_shows_the_throws(tmp_path: Path) -> None:
    names: dict[str, Callable[[Observation], Board | None]] = {}
    exec(blocks()[1], names)  # type: ignore[arg-type]
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
