"""The leaderboard as text: it fits, it says what it must, and no name is obeyed."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from arena_leaderboard import (
    Leaderboard,
    MatchResult,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    standings,
)
from tests.leaderboard.simulate import crashed, single, versus

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "[bold red]markup[/bold red] [/] [link=http://x]y",
    "<script>alert(1)</script>",
    "a|b`c`*d*",
    "line\nbreak\r\ttab",
    "nul\x00 and \udc80 lone",
    "\u202ertl\u200b",
    "=HYPERLINK(1)",
    'quote",comma',
    "漢字" * 40,
    "x" * 1_000_000,
    "",
]


def board_of(names: list[str]) -> Leaderboard:
    results = [
        single(game, seed, name, float(rank + seed % 3))
        for game in ("frozen-lake", "snake", "snake-poison")
        for seed in range(6)
        for rank, name in enumerate(names)
    ]
    results += [versus("snake-duel", seed, names[:2], (1, 2)) for seed in range(4)]
    return standings([*results, crashed("snake-duel", 9, names[:2], names[0])], bootstraps=20)


def printed(board: Leaderboard, width: int, encoding: str = "utf-8", *, colour: bool = False) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    console = Console(
        file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    render_rich(board, console)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 140, 200, 240])
def test_no_line_is_wider_than_the_console(width: int, encoding: str) -> None:
    text = printed(
        board_of(["search", "nano:frozen-lake", "my_package.my_agent:MyAgent", *HOSTILE]), width, encoding
    )
    assert max(map(cell_len, text.splitlines())) <= width


def test_80_columns_hold_every_number_of_the_table() -> None:
    heading = printed(board_of(["search", "dqn"]), 80).splitlines()[1]
    assert heading.split() == [
        "#",
        "agent",
        "rating",
        "95%",
        "interval",
        "return",
        "success",
        "invalid",
        "errors",
    ]
    assert "…" not in printed(board_of(["search", "dqn"]), 80)
    assert "ranks" in printed(board_of(["search", "dqn"]), 88).splitlines()[1]


@pytest.mark.parametrize("width", [60, 76, 84, 100])
def test_columns_give_way_where_two_names_would_be_cut_to_the_same(width: int) -> None:
    names = [f"a-model-{how}" for how in ("taught", "by-choice", "by-playing")]
    for line in printed(board_of(names), width).splitlines():
        assert line.count("a-model-…") == 0
    alike = [f"{'x' * 40}{how}" for how in "ab"]  # nothing can be done about these, and nothing is taken away
    assert "return" in printed(board_of(alike), width)


def test_wide_consoles_draw_the_intervals_and_put_games_side_by_side() -> None:
    board = board_of(["search", "dqn"])
    lines = printed(board, 200).splitlines()
    assert any("frozen-lake" in line and "snake" in line for line in lines)
    assert any("●" in line and "╶" in line for line in lines)
    assert "●" not in printed(board, 80)


def test_inseparable_ranks_are_marked() -> None:
    even = [versus("duel", seed, ("a", "b"), (1 + seed % 2, 2 - seed % 2)) for seed in range(8)]
    clear = [versus("duel", seed, (agent, "c"), (1, 2)) for seed in range(60) for agent in "ab"]
    board = standings(even + clear)
    ranks = [line[:3].strip() for line in printed(board, 80).splitlines()[3:6]]
    assert ranks == ["1", "≈ 2", "3"]
    assert "not separable" in printed(board, 80)
    assert "| ≈ 2 |" in render_markdown(board)


def test_unrated_agent_gets_a_row_without_numbers() -> None:
    board = standings([single("lake", 0, "a", 1.0), crashed("lake", 0, ("b",), "b")])
    assert "not rated" in printed(board, 80)
    assert "errors: matches" in printed(board, 80)


def test_nothing_played_is_said() -> None:
    assert printed(standings([]), 80) == "No matches yet.\n"


def test_hostile_names_are_inert_in_the_terminal() -> None:
    text = printed(board_of(HOSTILE), 200)
    assert r"\x1b[31mred" in text
    assert "[bold red]markup[/bold red]" in text
    assert not set(text) & set("\x1b\x00\r\t\u202e\u200b\udc80")


def test_colour_is_the_only_escape_a_terminal_gets() -> None:
    text = printed(board_of(HOSTILE), 120, colour=True)
    assert "\x1b[1;36m" in text
    assert "\x1b[31mred" not in text


def test_csv_is_one_row_per_standing_and_runs_no_formula() -> None:
    board = board_of(HOSTILE)
    text = render_csv(board)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(board.overall) + sum(map(len, board.games.values()))
    assert {row["game"] for row in rows} == {"overall", *board.games}
    assert not any(row["agent"].startswith(("=", "+", "-", "@")) for row in rows)
    assert text.encode().isascii() or "\x1b" not in text


def test_markdown_cells_stay_in_their_cells() -> None:
    text = render_markdown(board_of(HOSTILE))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {18}
    assert "<script>" not in text


def test_json_keeps_names_exactly() -> None:
    board = board_of(HOSTILE)
    text = render_json(board)
    assert text.isascii()
    assert {row["agent"] for row in json.loads(text)["overall"]} == set(HOSTILE)


def test_numbers_stay_behind_a_name_that_runs_right_to_left() -> None:
    text = printed(board_of(["\u05e9\u05dc\u05d5\u05dd", "search"]), 80)
    rows = [line for line in text.splitlines() if "search" in line or "\u05e9" in line]
    assert all(("\u05dd" in row) == ("\u200e" in row) for row in rows)
    assert len({cell_len(row.rstrip()) for row in rows[:2]}) == 1
    assert "\u200e" not in printed(board_of(["\u05e9", "a"]), 80, "ascii")


def test_flags_and_variants_have_one_width_everywhere() -> None:
    assert r"\U0001f1e9\U0001f1ea \ufe0f" in printed(board_of(["\U0001f1e9\U0001f1ea \ufe0f", "a"]), 200)


def spoiled(seed: int, forfeit: bool) -> MatchResult:
    match = replace(versus("snake-duel", seed, ("search", "dqn"), (1, 2)), invalid=(0, 2))
    return replace(match, culprit="dqn" if forfeit else None)


def test_format_failures_are_shown_apart_where_there_are_any() -> None:
    clear = [versus("snake-duel", seed, ("search", "dqn"), (1, 2)) for seed in range(5)]
    board = standings(clear + [spoiled(seed, seed > 7) for seed in range(5, 10)])
    narrow, wide = printed(board, 80), printed(board, 200)
    assert "clean" not in printed(standings(clear), 200)
    assert "forfeits" not in printed(standings(clear), 200)
    assert {"clean", "interval"} <= set(narrow.splitlines()[1].split())
    assert "clean  95% interval  forfeits" in wide
    assert "clean: the rating over" in narrow


def test_clean_is_named_a_selection() -> None:
    """Who forfeits, or stumbles, whenever it is about to lose has won all that `clean` speaks of."""
    won = [versus("snake-duel", seed, ("dodger", "plain"), (1, 2)) for seed in range(10)]
    lost = versus("snake-duel", 0, ("dodger", "plain"), (2, 1))
    dodged = [replace(lost, seed=seed, invalid=(1, 0), culprit="dodger") for seed in range(10, 20)]
    board = standings([*won, *dodged])
    dodger = next(row for row in board.overall if row.agent == "dodger")
    assert dodger.rating
    assert dodger.clean
    assert dodger.clean.mean > dodger.rating.mean + 100
    assert dodger.clean_is_a_selection
    for width in (80, 200):
        assert f"{dodger.clean.mean:.0f}*" in printed(board, width)
        assert "who fails when about to lose looks better so" in " ".join(printed(board, width).split())
    assert "*" not in printed(standings([*won * 10, *dodged[:1]]), 200)


def test_seats_are_shown_below_their_game() -> None:
    board = standings([versus("duel", seed, pair, (1, 2)) for seed in range(5) for pair in ("ab", "ba")])
    assert "by seat:  1 100% (40–100)  2 0% (0–60)" in printed(board, 80)
    assert "by seat: the share" in printed(board, 80)
    assert "seat 1 100% (40% … 100%)" in render_markdown(board)


@settings(max_examples=30)
@given(st.text(st.characters(categories=None), max_size=30))
def test_any_name_prints_on_one_line(name: str) -> None:
    board = standings([single("lake", 0, name, 1.0)], bootstraps=1)
    text = printed(board, 80)
    assert len(text.splitlines()) == len(printed(standings([single("lake", 0, "a", 1.0)]), 80).splitlines())
    assert max(map(cell_len, text.splitlines())) <= 80
    render_markdown(board).encode()
    render_csv(board).encode()


def test_who_is_not_in_all_games_is_named_with_how_many_it_is_in() -> None:
    few = board_of(["search", "dqn", "guest"])  # a duel is for two
    assert few.in_fewer_games() == {"guest": 3}
    assert "Not in all 4 games, and rated by those alone: guest in 3." in printed(few, 80)
    assert "Not in all" not in printed(board_of(["search", "dqn"]), 80)
    crowd = board_of([f"agent {number}" for number in range(12)])
    assert "and rated by those alone" in printed(crowd, 200)
    assert "in 3, 2 more." in printed(crowd, 200)
