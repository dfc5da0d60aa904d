"""Cycles and Nash averaging where people look: below the board, in its JSON, and on the page."""

from __future__ import annotations

import json

import pytest

from arena.record.board import Summed
from arena.record.plays import Faults
from arena.views.leaderboard import show_board
from arena.views.options import Format
from arena.views.page.facts import round_about
from arena_leaderboard import MatchResult, circles, head_to_head, standings
from arena_leaderboard.sums import added_up, by_seed
from tests.leaderboard.simulate import versus

HOSTILE = "<b>\x1b[31m"


def rock_paper_scissors(third: str = "scissors") -> list[MatchResult]:
    pairs = (("rock", third), (third, "paper"), ("paper", "rock"), ("rock", "weak"))
    return [versus("duel", seed, pair, (1, 2)) for pair in pairs for seed in range(20)]


def line() -> list[MatchResult]:
    pairs = (("a", "b"), ("b", "c"), ("a", "c"))
    return [versus("duel", seed, pair, (1, 2)) for pair in pairs for seed in range(20)]


def shown(results: list[MatchResult], format: Format, *, nash: bool = False) -> None:
    summed = Summed(added_up(by_seed(results)))
    show_board(summed.board(), summed, {}, Faults(), format=format, nash=nash)


def test_a_cycle_is_named_below_the_board_with_nash_averaging(capsys: pytest.CaptureFixture[str]) -> None:
    shown(rock_paper_scissors(), Format.RICH)
    text = capsys.readouterr().out
    assert "cycles: rock beats scissors beats paper beats rock" in text
    rows = [line.split() for line in text.splitlines() if line.endswith("%")]
    assert ["rock", "33.3%", "50.0%"] in rows
    assert [row[1] for row in rows if row[0] == "weak"][-1] == "0.0%"


def test_a_line_has_none_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    shown(line(), Format.RICH)
    text = capsys.readouterr().out
    assert "cycle" not in text
    assert "Nash" not in text
    shown(line(), Format.RICH, nash=True)
    assert "Nash averaging" in capsys.readouterr().out


def test_json_has_both_always(capsys: pytest.CaptureFixture[str]) -> None:
    shown(rock_paper_scissors(), Format.JSON)
    shape = json.loads(capsys.readouterr().out)
    assert sorted(shape["cycles"][0]) == ["paper", "rock", "scissors"]
    assert shape["nash"]["weak"]["mass"] == pytest.approx(0, abs=1e-6)
    shown(line(), Format.JSON)
    shape = json.loads(capsys.readouterr().out)
    assert (shape["cycles"], shape["nash"]) == ([], None)


def test_the_page_says_it_and_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    results = rock_paper_scissors(HOSTILE)
    agents = [row.agent for row in standings(results).overall]
    words = round_about(circles(head_to_head(results, agents)))
    assert "\x1b" not in words
    assert "Nash averaging, the mixture that nobody beats: " in words
    assert "weak" not in words.split("beats: ")[1]
    assert round_about(circles(head_to_head(line()))) == ""
    assert round_about(None) == ""
    shown(results, Format.RICH)
    assert "\x1b[31m" not in capsys.readouterr().out
