"""A tournament of agents that are not ours: each in a process of its own, and nobody else is concerned."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from arena.match.episode import Episode
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.tournament.entrants import parse_entrants
from arena.tournament.run import run
from arena_agents.sandbox import Sandbox
from tests.arena.match import faulty_agents
from tests.arena.tournament.test_tournament import PLAYERS, tournament

FAULTY = Path(faulty_agents.__file__)


@pytest.mark.parametrize("games", ["frozen-lake,snake-duel"])
def test_a_process_of_its_own_changes_no_byte_of_an_episode(games: str, tmp_path: Path) -> None:
    """The same draws, texts, odd replies, failures and rewards, whichever process an agent plays in."""
    agents = ",".join(f"{name}={PLAYERS}:{name}" for name in ("Seeded", "Raises", "First", "Says"))
    kept = []
    for in_process in (False, True):
        out = tmp_path / f"{in_process}"
        run(tournament(out, agents=agents, games=games, matches=6), sandbox=Sandbox(in_process=in_process))
        with Store.read(out) as store:
            kept.append([episode_bytes(episode) for episode in store.episodes()])
    assert kept[0] == kept[1]
    assert any(b"no more ideas" in whole for whole in kept[0])


def episode_bytes(episode: Episode) -> bytes:
    """All of an episode but the time that it took."""
    steps = [replace(step, seconds=0.0, observation=None) for step in episode.steps]  # type: ignore[arg-type]
    seen = [(step.observation.text, step.observation.legal) for step in episode.steps]
    return repr((replace(episode, steps=()), steps, seen)).encode()


def test_a_user_may_bring_modules_arguments_and_prints(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from tests.arena.players import Says\n")
    file = tmp_path / "mine.py"
    file.write_text("from beside import Says\nclass Mine(Says):\n  def act(self, o):\n    print('hm'); 1/0\n")
    agents = parse_entrants(f"random,a={file}:Mine('x, y'),{file}:Mine(text='z'),c=m:C(1, [2, 3])")
    assert [entrant.label for entrant in agents] == [
        "random", "a", f"{file}:Mine(text='z')", "c",
    ]  # fmt: skip
    run(tournament(tmp_path / "run", agents=f"random,a={file}:Mine('x, y')", games="frozen-lake", matches=2))
    (log,) = (tmp_path / "run" / "logs").iterdir()
    assert "hm\nTraceback" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()


def arena(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=600)


def test_a_whole_tournament_of_faulty_agents_ends_as_it_should(tmp_path: Path) -> None:
    fail = ("CostInt", "StrSub", "ReplySub", "ListSub", "OsExit", "Segfault", "Regex")
    names = (*fail, "Chdir", "Threads", "Fork")
    agents = ",".join(["random", "search", *(f"{name}={FAULTY}:{name}" for name in names)])
    options = ("--games", "frozen-lake,snake-duel", "--matches", "2", "--deadline", "2", "--out", "run")
    done = arena("tournament", *options, "--agents", agents, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert f"arena: {FAULTY}:OsExit failed: its process ended by itself, with exit status 0" in done.stderr
    assert verify(tmp_path / "run").faults == []
    with Store.read(tmp_path / "run") as store:
        blamed = {episode.culprit for episode in store.episodes() if episode.failed}
    assert blamed == set(fail)


@pytest.mark.parametrize("name", ["InitExit", "InitOsExit", "AtOnceStr"])
def test_one_that_cannot_be_made_ends_with_2_and_one_line(name: str, tmp_path: Path) -> None:
    done = arena("tournament", "--agents", f"random,{FAULTY}:{name}", "--out", "run", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"arena: cannot make agent '{FAULTY}:{name}': " in done.stderr
    assert not (tmp_path / "run" / FILE_NAME).exists()
