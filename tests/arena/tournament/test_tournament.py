"""A tournament: played once, whatever interrupts it; nobody pays for another's failure."""

from __future__ import annotations

import io
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.episode import Episode
from arena.match.match import MatchConfig
from arena.record.store import FILE_NAME, Store
from arena.tournament import prepare
from arena.tournament.agents import Agents
from arena.tournament.entrants import Training, parse_entrants
from arena.tournament.executor.in_process import InProcess
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.run import TournamentResult, batches, play_missing, run
from arena.views.tournament_progress import TournamentDisplay
from arena_agents.causal_lm.load import load_model
from arena_games.base import UsageError
from arena_games.registry import select_games
from arena_leaderboard import standings
from tests.agents.odd_models import copy_of_nano

SILENT = TournamentDisplay(Console(file=io.StringIO()))

HERE = Path(__file__).parents[1]
PLAYERS = HERE / "players.py"


def tournament(
    out: Path, agents: str = "random,search", games: str = "frozen-lake", matches: int = 4
) -> Tournament:
    return Tournament(tuple(select_games(games)), tuple(parse_entrants(agents)), 0, matches, out)


def held(
    planned: Tournament, train: TrainMode = TrainMode.AUTO, deadline_s: float = 60.0
) -> TournamentResult:
    return run(planned, train=train, deadline_s=deadline_s, display=SILENT)


def board(out: Path) -> dict[str, Any]:
    """The leaderboard without what the clock decides."""
    with Store.read(out) as store:
        shown = standings(store.results()).to_json()
    for row in [*shown["overall"], *(row for rows in shown["games"].values() for row in rows)]:
        row.pop("decisions_per_second", None)
    return shown


def stored_ids(out: Path) -> set[str]:
    with Store.read(out) as store:
        return store.episode_ids()


class Listens:
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.planned: dict[str, tuple[int, int]] = {}
        self.played = 0

    def plan(self, games: Mapping[str, tuple[int, int]]) -> None:
        self.planned = dict(games)

    def begin(self, game: str) -> None: ...

    def advance(self, game: str, episodes: Sequence[Episode]) -> None:
        self.played += len(episodes)


def test_every_scheduled_match_is_stored(tmp_path: Path) -> None:
    planned = tournament(tmp_path, games="all", matches=2)
    result = held(planned)
    assert stored_ids(tmp_path) == {match.id for match in planned.schedule()}
    assert len(result.results) == len(planned.schedule())


def test_the_same_command_again_plays_nothing(tmp_path: Path) -> None:
    planned, listener = tournament(tmp_path), Listens()
    held(planned)
    with Store.open(tmp_path, planned.config(), {}) as store:
        play_missing(planned, store, InProcess(Agents(planned), MatchConfig()), listener)
    assert listener.planned == {"frozen-lake": (8, 8)}
    assert listener.played == 0


def test_one_model_that_plays_freely_and_by_choice(tmp_path: Path) -> None:
    """Two entrants, one model in memory; matches of other settings are never mixed with theirs."""
    planned = tournament(tmp_path, agents="nano,nano[decode=choice]")
    agents = Agents(planned)
    free, chooses = (agents.make(entrant.spec) for entrant in planned.entrants)
    assert free.engine is chooses.engine  # type: ignore[attr-defined]
    held(planned)
    assert {row["agent"] for row in board(tmp_path)["overall"]} == {"nano", "nano[decode=choice]"}


def test_another_decoding_under_the_same_name_is_another_tournament(tmp_path: Path) -> None:
    held(Tournament.of("frozen-lake", "random,x=nano", tmp_path, seed=0, matches=2))
    with pytest.raises(UsageError, match="choose another --out"):
        held(
            Tournament.of("frozen-lake", "random,x=nano", tmp_path, matches=2, defaults={"decode": "choice"})
        )


def test_the_leaderboard_does_not_depend_on_the_order_of_games(tmp_path: Path) -> None:
    held(tournament(tmp_path / "a", games="snake,frozen-lake"))
    held(tournament(tmp_path / "b", games="frozen-lake,snake"))
    assert board(tmp_path / "a") == board(tmp_path / "b")


def test_a_label_may_be_the_name_of_a_house_agent(tmp_path: Path) -> None:
    held(tournament(tmp_path, agents="random=search,search=random", games="snake"))
    returns = {row["agent"]: row["mean_return"] for row in board(tmp_path)["overall"]}
    assert returns["random"] > returns["search"]


def test_an_agent_that_fails_is_last_where_it_fails(tmp_path: Path) -> None:
    agents = f"random,bad={PLAYERS}:Exits,hangs={PLAYERS}:Hangs"
    held(tournament(tmp_path, agents=agents, games="snake-duel", matches=8), deadline_s=3.0)
    rows = {row["agent"]: row for row in board(tmp_path)["overall"]}
    assert {name: row["matches"] for name, row in rows.items()} == {"random": 8, "bad": 8, "hangs": 8}
    assert [row["errors"] for row in rows.values()] == [0, 0, 0]
    assert (next(iter(rows)), rows["random"]["forfeits"]) == ("random", 0)
    assert rows["bad"]["forfeits"] + rows["hangs"]["forfeits"] == 12
    assert min(rows["bad"]["forfeits"], rows["hangs"]["forfeits"]) >= 4


def test_the_readmes_agent_takes_part(tmp_path: Path) -> None:
    held(tournament(tmp_path, agents=f"random,{HERE / 'my_agent.py'}:Mine", games="all", matches=2))
    assert {row["errors"] + row["forfeits"] for row in board(tmp_path)["overall"]} == {0}


def test_a_wrong_agent_is_found_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown agent 'nosuch'"):
        held(tournament(tmp_path / "out", agents="random,nosuch,dqn"))
    with pytest.raises(UsageError, match="not trained yet: dqn@frozen-lake"):
        held(tournament(tmp_path / "out", agents="random,dqn"), TrainMode.NEVER)
    assert not (tmp_path / "out").exists()


def test_who_cannot_be_trained_is_left_out_and_the_rest_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = "import sys; sys.exit('arena: out of luck')"
    monkeypatch.setattr(prepare, "command", lambda training, seed: [sys.executable, "-c", fails])
    planned = tournament(tmp_path, agents="random,search,dqn", games="frozen-lake,snake-duel", matches=8)
    result = held(planned)
    assert {training.name: error for training, error in result.failed.items()} == {
        "dqn@frozen-lake": "out of luck",
        "dqn@snake-duel": "out of luck",
    }
    assert stored_ids(tmp_path) == {m.id for m in planned.schedule() if "dqn" not in m.players}


def test_training_anew_under_stored_matches_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.tournament.run.train_all", _train_nothing)
    planned = tournament(tmp_path, agents="random,dqn")
    held(planned)
    with pytest.raises(UsageError, match="go on with --train auto, or choose another --out"):
        held(planned, TrainMode.ALWAYS)


def _train_nothing(trainings: list[Training], **_: object) -> dict[Training, str]:
    return dict.fromkeys(trainings, "not today")


def test_batches_keep_every_episode_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.tournament.run.BATCH_EPISODES", 3)
    assert list(batches(iter(range(8)))) == [[0, 1, 2], [3, 4, 5], [6, 7]]  # type: ignore[arg-type, comparison-overlap]


def test_killed_at_any_moment_it_goes_on_to_the_same_end(tmp_path: Path) -> None:
    games, agents = "frozen-lake,snake,snake-duel", f"random,slow={PLAYERS}:Slow"
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    generator, alive_after = random.Random(7), []
    for _ in range(3):
        process = subprocess.Popen(_command(games, agents, disturbed), stderr=subprocess.DEVNULL)
        _wait_for_more(disturbed, process)
        time.sleep(generator.random() * 0.3)
        alive_after.append(process.poll() is None)
        process.kill()
        process.wait()
    assert alive_after[0], "the first kill must hit a running tournament"
    subprocess.run(_command(games, agents, disturbed), check=True, capture_output=True)
    held(tournament(undisturbed, agents, games, matches=16))
    assert stored_ids(disturbed) == stored_ids(undisturbed)
    assert board(disturbed) == board(undisturbed)
    assert sorted(path.name for path in disturbed.iterdir()) == [".lock", FILE_NAME, f"{FILE_NAME}.b2"]


def _command(games: str, agents: str, out: Path) -> list[str]:
    options = ["--games", games, "--agents", agents, "--matches", "16", "--out", str(out)]
    return [sys.executable, "-m", "arena", "tournament", *options]


def _wait_for_more(out: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until more episodes are stored than there were, or the process has ended."""
    before, patient_until = _count(out), time.monotonic() + 20
    while _count(out) == before and process.poll() is None and time.monotonic() < patient_until:
        time.sleep(0.02)


def _count(out: Path) -> int:
    try:
        with sqlite3.connect(f"{(out / FILE_NAME).as_uri()}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM episodes").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_weights_are_read_once_and_not_before_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def loads(source: str, **options: Any) -> Any:
        read.append(source)
        return load_model(source, **options)

    monkeypatch.setattr("arena_agents.language.agent.load_model", loads)
    planned = tournament(tmp_path, agents="random,nano,nano[decode=choice]", matches=1)
    Agents(planned).check()
    assert read == []
    held(planned)
    assert len(read) == 1


def test_a_model_that_is_not_there_is_refused_without_its_weights(tmp_path: Path) -> None:
    bare = copy_of_nano(tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    for spec, why in ((f"hf:{bare}", "weights"), ("nano[decode=chioce]", "chioce")):
        with pytest.raises(UsageError, match=why):
            held(tournament(tmp_path / "out", agents=f"random,{spec}"))
    assert not (tmp_path / "out").exists()


def test_who_cannot_play_is_said_before_anything_is_played(tmp_path: Path) -> None:
    pytest.importorskip("pyspiel")
    options = ["--games", "frozen-lake", "--agents", "random,mcts", "--matches", "3", "--workers", "1"]
    done = CliRunner().invoke(cli.app, ["tournament", *options, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0
    first, second, *_ = done.stderr.splitlines()
    assert "frozen-lake is none; left out there" in first
    assert second == "3 of 3 matches to play"
