"""docs/games.md: what its tables say of a game is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from arena_games.base import UsageError
from arena_games.conformance import check_game
from arena_games.registry import find_game, library_games

PAGE = Path(__file__).parents[2] / "docs" / "games.md"
ROW = re.compile(
    r"^\| `((?:openspiel|textarena|gym|pettingzoo):[^`]+)` \| [^|]+ \| [^|]+ \| ([^|]+) \|", re.MULTILINE
)
ROWS = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
PASSING = [name for name, said in ROWS.items() if said == "passes"]
REFUSED = [name for name, said in ROWS.items() if said.startswith(name)]
SAMPLE = [  # all of them take half an hour
    name
    for library, step in (("openspiel", 35), ("textarena", 16), ("pettingzoo", 4), ("gym", 3))
    for name in [name for name in PASSING if name.startswith(library)][::step]
]
TRIED = {"openspiel": 60, "textarena": 40, "pettingzoo": 9, "gym": 6}  # so many rows at least


@pytest.fixture(autouse=True)
def _library_is_there() -> None:
    pytest.importorskip("pyspiel")
    pytest.importorskip("textarena")
    pytest.importorskip("rlcard")


@pytest.mark.parametrize("library", TRIED)
def test_the_tables_hold_what_they_promise(library: str) -> None:
    assert sum(name.startswith(f"{library}:") for name in ROWS) >= TRIED[library]
    assert len(PASSING) >= 150


def test_pettingzoos_table_is_whole() -> None:
    assert {re.sub(r"\(.*", "", name) for name in ROWS if name.startswith("pettingzoo:")} == {
        name for name, _ in library_games("pettingzoo")
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAMPLE)
def test_a_game_that_passes_does(name: str) -> None:
    faults = [check.name for check in check_game(find_game(name), episodes=1) if not check.passed]
    assert faults == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_game_that_is_refused_is(name: str) -> None:
    """In the words of the table; but for what a newer Python, a word list or a key would bring."""
    if "NLTK" in ROWS[name] or "API key" in ROWS[name]:
        pytest.skip("says that it lacks what this machine may have")
    if "3.12 or newer" in ROWS[name] and sys.version_info >= (3, 12):
        pytest.skip("is written for this Python")
    with pytest.raises(UsageError) as caught:
        find_game(name)
    assert " ".join(str(caught.value).split()) == ROWS[name]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PASSING)
def test_every_game_that_passes_does(name: str) -> None:
    test_a_game_that_passes_does(name)
