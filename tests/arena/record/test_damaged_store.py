"""A damaged run's file: what can be read is shown, the rest is one line; no traceback.

300 mutants of its bytes and of its values, the same in every run, through what the commands read.
"""

from __future__ import annotations

import io
import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from rich.console import Console

from arena.record.board import Summed
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.views.listing import runs as list_runs
from arena.views.page.data import read_run
from arena.views.page.page import render
from arena.views.spending import show_spending, spending_json
from arena.views.terminal.frames import frame
from arena.views.terminal.plain import PlainPrinter
from arena.views.terminal.recorded import stored_replay
from arena.views.terminal.replay import print_notable
from arena_agents.random import RandomAgent
from arena_leaderboard import render_json, render_markdown
from arena_leaderboard.standings import standings_of
from tests.arena.damage import (
    MUTANTS,
    bytes_damaged,
    each_mutant,
    json_damaged,
    survives,
    text_damaged,
    told,
)
from tests.arena.views.report_runs import fill


@pytest.fixture(scope="module")
def tournament(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "tournament"
    fill(out, ["frozen-lake", "snake-duel"], {"a": RandomAgent(), "b": RandomAgent()}, 1)
    return out


def all_of_a_tournament(folder: Path) -> None:
    """What leaderboard, report, replay, list and tournament read of a run's file."""
    list_runs(folder)
    with Store.read(folder) as store:
        summed, spent = Summed.of_store(store), store.spending()
        store.results()
        board = standings_of(summed.games, bootstraps=2)
        render_json(board, replies=spending_json(spent))
        render_markdown(board)
        show_spending(spent, Console(file=io.StringIO()))
        print_notable(folder, store.summaries())
        for episode in store.episodes():
            replay = stored_replay(episode)
            for position in range(replay.last + 1):
                frame(replay, position)
            PlainPrinter(Console(file=io.StringIO()), 1e9).print(replay, replay.last)


def test_bytes_of_a_run_file(tournament: Path) -> None:
    path = tournament / FILE_NAME
    whole = path.read_bytes()
    each_mutant(path, lambda: all_of_a_tournament(tournament), lambda seed: bytes_damaged(whole, seed))


def test_values_in_a_run_file(tournament: Path) -> None:
    """A run's file that SQLite finds nothing wrong with."""
    path = tournament / FILE_NAME
    each_mutant(path, lambda: all_of_a_tournament(tournament), values_damaged(path))


def values_damaged(path: Path) -> Callable[[int], bytes]:
    """The run's file with another value somewhere, by seed."""
    whole = path.read_bytes()

    def damaged(seed: int) -> bytes:
        path.write_bytes(whole)
        with closing(sqlite3.connect(path)) as connection:
            change_value(connection, random.Random(seed))
            connection.commit()
        return path.read_bytes()

    return damaged


def change_value(connection: sqlite3.Connection, rng: random.Random) -> None:
    """Put another value into one cell, of whatever type."""
    table = rng.choice(("meta", "packed", "bases", "episodes", "steps", "episodes", "steps"))
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    column = rng.choice(columns)
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    row = rng.choice(rows)
    old = row[columns.index(column)]
    value = _other(old, rng)
    keys = " AND ".join(f'"{name}" IS ?' for name in columns)
    with suppress(sqlite3.IntegrityError):
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {keys}', (value, *row))


def _other(old: object, rng: random.Random) -> object:
    if isinstance(old, str) and rng.random() < 0.7:
        with suppress(ValueError):
            return json.dumps(json_damaged(json.loads(old), rng.randrange(2**32)))
    odd = (0, -1, 7, 2**62, -(2**62), 1e308, float("inf"), 0.5, "", "x", "null", b"", b"\xff\xfe", b"x" * 999)
    return rng.choice(odd)


def one_line_each(faults: list[str]) -> None:
    assert all("\n" not in fault for fault in faults)


@pytest.mark.parametrize("of_values", [True, False])
def test_verify_names_what_is_damaged(tournament: Path, of_values: bool) -> None:
    """`arena verify` reads on where others stop: fewer, as it plays every episode again."""
    path = tournament / FILE_NAME
    whole = path.read_bytes()
    for seed in range(0, MUTANTS, 6):
        path.write_bytes(whole if of_values else bytes_damaged(whole, seed))
        if of_values:
            with closing(sqlite3.connect(path)) as connection:
                change_value(connection, random.Random(seed))
                connection.commit()
        changed = path.read_bytes() != whole
        assert survives(lambda: one_line_each(verify(tournament, processes=1).faults)) or changed
    path.write_bytes(whole)


def test_pages_of_damaged_runs(tournament: Path) -> None:
    """`arena report`, which reads all of it together: fewer, as drawing takes its time."""
    path, training = tournament / FILE_NAME, tournament / "agents" / "nano@frozen-lake"
    whole, wrong = path.read_bytes(), []
    training.mkdir(parents=True)
    (training / "config.json").write_text('{"algorithm": "msgrpo", "agent": "nano", "game": "frozen-lake"}')
    rows = [{"step": n, "episodes": 8 * n, "train/return": 0.5, "eval/return": 0.25} for n in range(4)]
    metrics = "".join(f"{json.dumps(row)}\n" for row in rows)
    for seed in range(0, MUTANTS, 15):
        path.write_bytes(whole)
        with closing(sqlite3.connect(path)) as connection:
            change_value(connection, random.Random(seed))
            connection.commit()
        (training / "metrics.jsonl").write_bytes(text_damaged(metrics, seed))
        try:
            survives(lambda: render(read_run(tournament)))
        except Exception as error:
            wrong.append(f"mutant {seed}: {told(error)}")
    path.write_bytes(whole)
    assert not wrong, "\n".join(wrong)
