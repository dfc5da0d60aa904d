"""Damaged files beside runs and policies: kept episodes, ledgers, cards, leagues, studies, prices, templates.

300 mutants of each, as in `test_damaged`: its content, what is known to be none of ours, or one line.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from arena.record.card import card_of, first_difference, read_card
from arena.record.league import LeagueTable
from arena.record.merge import LEDGER, _earlier, merge
from arena.record.store import FILE_NAME
from arena.study.config import load_study
from arena.study.outcomes import Asked, Outcomes
from arena.study.plan import make_plan
from arena.tournament.league import ASKED, Population
from arena.training.options import TrainOptions
from arena.training.sampled import EPISODES, append, sampled_episodes
from arena.views.card import _page
from arena.views.circles import cycles_text
from arena.views.league import payoff_text
from arena.views.page.sampled import sampled_archive
from arena.views.terminal.frames import frame
from arena.views.terminal.plain import PlainPrinter
from arena.views.terminal.sampled import _list, sampled_replay
from arena_agents.api.prices import VARIABLE, load_prices
from arena_agents.language.template import load_template
from arena_agents.random import RandomAgent
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena.damage import MUTANTS, bytes_damaged, each_mutant, of_text
from tests.arena.record.test_damaged_store import values_damaged
from tests.arena.study.test_run import STUDY
from tests.arena.views.report_runs import fill
from tests.arena.views.training_runs import sampled

LAKE = find_game("frozen-lake")


def bytes_of(path: Path) -> Any:
    whole = path.read_bytes()
    return lambda seed: bytes_damaged(whole, seed)


@pytest.fixture(scope="module")
def tournament(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "tournament"
    fill(out, ["snake-duel"], {"a": RandomAgent(), "b": RandomAgent()}, 1)
    return out


def test_kept_episodes(tmp_path: Path) -> None:
    append(tmp_path, [sampled(step) for step in range(4)])

    def read() -> None:
        found = sampled_episodes(tmp_path)
        json.dumps(sampled_archive(found))
        _list(tmp_path, found)
        for replay in map(sampled_replay, found):
            frame(replay, replay.last)
            PlainPrinter(Console(file=io.StringIO()), 1e9).print(replay, replay.last)
        if len(found) < 4:
            raise UsageError("one is left out")

    each_mutant(tmp_path / EPISODES, read, of_text(tmp_path / EPISODES))


def test_a_ledger_of_shards(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    shard = {"folder": "shards/1", "episodes": 4, "digest": "ab", "environment": {"python": "3.11"}}
    path.write_text(json.dumps({"episodes": 8, "shards": [shard, {**shard, "folder": "shards/2"}]}))
    each_mutant(path, lambda: _earlier(path), of_text(path))


def test_a_card(tournament: Path, tmp_path: Path) -> None:
    card, path = card_of(tournament), tmp_path / "card.json"
    path.write_text(json.dumps(card))
    each_mutant(path, lambda: first_difference(read_card(path), card), of_text(path))


def test_values_in_a_run_file_of_which_a_card_or_a_matrix_is_made(tournament: Path) -> None:
    def read() -> None:
        _page(card_of(tournament))
        table = LeagueTable.read(tournament)
        Console(file=io.StringIO()).print(payoff_text(table, 80), cycles_text(table.circles.cycles))
        json.dumps(table.to_json())

    path = tournament / FILE_NAME
    each_mutant(path, read, values_damaged(path), MUTANTS // 2)  # fewer, as rating takes its time


def test_values_in_a_shard_that_is_merged(tournament: Path, tmp_path: Path) -> None:
    def read() -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        merge(tmp_path / "out", [tournament])

    path = tournament / FILE_NAME
    each_mutant(path, read, values_damaged(path), MUTANTS // 6)  # fewer, as writing takes its time


def test_a_population(tmp_path: Path) -> None:
    path = tmp_path / ASKED
    asked = {"game": "snake-duel", "agent": "nano", "opponents": "league", "seed": 3, "hours": 2.0}
    path.write_text(json.dumps({"version": 1, "population": 2, "asked": asked | {"anchors": ["random"]}}))

    def read() -> None:
        league = Population.opened(tmp_path, 1, TrainOptions())
        for name in league.names:
            league._options(name)

    each_mutant(path, read, of_text(path))


def test_the_progress_of_a_populations_member(tmp_path: Path) -> None:
    folder = tmp_path / "members" / "a" / "checkpoints" / "step-000002"
    folder.mkdir(parents=True)
    path = folder / "progress.json"
    path.write_text(json.dumps({"step": 2, "guard": {"best_step": 2, "best": 0.5}}))
    league = Population(tmp_path, 2, {}, TrainOptions())
    each_mutant(path, lambda: league._best_step("a"), of_text(path))


def test_a_study(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    each_mutant(path, lambda: make_plan(*load_study(str(path))), bytes_of(path))
    path.write_text(f"title = {'[' * 5_000}")
    with pytest.raises(UsageError):
        load_study(str(path))


def test_outcomes_of_a_study(tmp_path: Path) -> None:
    """What is none of ours is played anew."""
    asked = Asked("best", LAKE, 3, 0, "sampled")
    path = asked.path(tmp_path)
    path.parent.mkdir()
    columns: dict[str, Any] = {"returns": (0.0, 1.0), "successes": (False, True), "decisions": (3, 4)}
    columns |= {"invalid": (0, 1), "counts": (True, True)}
    whole = Outcomes(game=LAKE.name, version=LAKE.version, seed=0, decoding="sampled", **columns)
    path.write_text(whole.model_dump_json())

    def read() -> None:
        found = asked.stored(tmp_path)
        assert {len(getattr(found, name)) for name in columns} == {len(found)}
        if not len(found):
            raise UsageError("it is played anew")

    each_mutant(path, read, of_text(path))


def test_prices(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('["gpt-x"]\nin = 2.5\nout = 10\n\n["other"]\nin = 0.1\nout = 0.2\n')
    each_mutant(path, lambda: load_prices({VARIABLE: str(path)}), bytes_of(path))
    for number in ("1" * 400, "inf", "nan", "-1", "1e300"):
        path.write_text(f'["gpt-x"]\nin = {number}\nout = 1\n')
        with pytest.raises(UsageError, match="needs `in` and `out`, in USD per million tokens"):
            load_prices({VARIABLE: str(path)})


def test_a_template(tmp_path: Path) -> None:
    path = tmp_path / "template.txt"
    path.write_text(load_template().text())
    each_mutant(path, lambda: load_template(path), bytes_of(path))
