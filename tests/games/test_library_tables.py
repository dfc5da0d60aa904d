"""docs/games.md: what its tables say of a game is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arena_games.base import UsageError
from arena_games.conformance import check_game
from arena_games.registry import find_game

PAGE = Path(__file__).parents[2] / "docs" / "games.md"
ROW = re.compile(
    r"^\| `((?:openspiel|textarena|gym|pettingzoo):[^`]+)` \| [^|]+ \| [^|]+ \| ([^|]+) \|", re.MULTILINE
)
ROWS = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
PASSING = [name for name, said in ROWS.items() if said == "passes"]
REFUSED = [name for name, said in ROWS.items() if said.startswith(name) and name.startswith("openspiel:")]
SAMPLE = [name for name in PASSING if name.startswith("openspiel:")][::35]  # all of them take half an hour


@pytest.fixture(autouse=True)
def _library_is_there() -> None:
    pytest.importorskip("pyspiel")
    pytest.importorskip("textarena")
    pytest.importorskip("rlcard")


def test_the_tables_hold_what_they_promise() -> None:
    assert sum(name.startswith("openspiel:") for name in ROWS) >= 60
    assert len(PASSING) >= 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAMPLE)
def test_a_game_that_passes_does(name: str) -> None:
    faults = [check.name for check in check_game(find_game(name), episodes=1) if not check.passed]
    assert faults == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_game_that_is_refused_is(name: str) -> None:
    with pytest.raises(UsageError):
        find_game(name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PASSING)
def test_every_game_that_passes_does(name: str) -> None:
    test_a_game_that_passes_does(name)
