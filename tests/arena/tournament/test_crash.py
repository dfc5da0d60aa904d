"""Killed outright, again and again, a tournament ends as one that nobody disturbed."""

from __future__ import annotations

import io
import multiprocessing
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from arena.match.episode import Episode
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.run import UntilSeparated, run
from arena.views.tournament_progress import TournamentDisplay
from arena_leaderboard import standings

SILENT = TournamentDisplay(Console(file=io.StringIO()))

PLAYERS = Path(__file__).parents[1] / "players.py"
AGENTS = f"random,slow={PLAYERS}:Slow,bad={PLAYERS}:Raises"
LONGEST_LIFE_S = 0.12
FORK = multiprocessing.get_context("fork")  # a child that need not import anything dies young enough


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few matches at once, and stored almost one by one: many moments that differ."""
    monkeypatch.setattr("arena.tournament.run.CONCURRENCY", 2)
    monkeypatch.setattr("arena.tournament.run.BATCH_SECONDS", 0.0)


def hold(out: Path, matches: int) -> None:
    planned = Tournament.of("frozen-lake,snake-duel", AGENTS, out, seed=0, matches=matches)
    until = UntilSeparated(len(planned.schedule()) + 30)
    run(planned, train=TrainMode.AUTO, deadline_s=60.0, display=SILENT, until=until)


def kill_at_random(out: Path, matches: int, kills: int, seed: int) -> int:
    """Kill the tournament as often as that, each time after a moment; how often it was playing.

    Every other time the moment begins with the start of the process, else with the next episode that
    it stores: so it dies while it starts, and it gets on.
    """
    generator, hit = random.Random(seed), 0
    for kill in range(kills):
        before = stored(out)
        process = FORK.Process(target=hold, args=(out, matches))
        process.start()
        while kill % 2 and process.is_alive() and stored(out) == before:
            time.sleep(0.005)
        time.sleep(generator.uniform(0, LONGEST_LIFE_S))
        hit += process.is_alive()
        process.kill()
        process.join()
    return hit


def stored(out: Path) -> int:
    """The number of stored episodes."""
    if not (out / FILE_NAME).exists():
        return 0
    with Store.read(out) as store:
        return len(store.episode_ids())


def contents(out: Path) -> dict[str, Any]:
    """Everything that is stored of every episode but how long the agents took."""
    with Store.read(out) as store:
        return {episode.id: _but_for_the_time(episode) for episode in store.episodes()}


def _but_for_the_time(episode: Episode) -> tuple[Any, ...]:
    steps = []
    for step in episode.steps:
        seen, did = step.observation, (step.reply.text, step.action, step.invalid, step.reward)
        steps.append((step.seat, seen.turn, seen.text, seen.legal, *did))
    outcome = (episode.returns, episode.placements, episode.successes)
    told = (episode.end, episode.detail, episode.culprit)
    return (episode.version, episode.seed, episode.players, outcome, told, steps)


def board(out: Path) -> dict[str, Any]:
    """The leaderboard as JSON, without what the clock decides."""
    with Store.read(out) as store:
        shown = standings(store.results()).to_json()
    for rows in (shown["overall"], *shown["games"].values()):
        for row in rows:
            row.pop("decisions_per_second")
    return shown


def check_killed(tmp_path: Path, matches: int, kills: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    hit = kill_at_random(killed, matches, kills, seed=11)
    assert hit == kills, "every kill must hit a running tournament"
    left = stored(killed)
    hold(killed, matches)
    hold(whole, matches)
    assert kills // 2 <= left < stored(whole)
    assert contents(killed) == contents(whole)
    assert board(killed) == board(whole)
    assert verify(killed, processes=1).faults == []
    assert sorted(p.name for p in killed.iterdir()) == sorted(p.name for p in whole.iterdir())


def test_killed_5_times_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    check_killed(tmp_path, matches=8, kills=5)


@pytest.mark.slow
def test_killed_50_times_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    check_killed(tmp_path, matches=160, kills=50)


def test_a_second_process_on_the_same_run_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = FORK.Process(target=hold, args=(out, 2000))
    first.start()
    try:
        while not (out / FILE_NAME).exists():
            time.sleep(0.01)
        command = [sys.executable, "-m", "arena", "tournament", "--agents", "random", "--out", str(out)]
        second = subprocess.run(command, capture_output=True, text=True)
        assert first.is_alive(), "the first must outlive the second's attempt"
        before = stored(out)
        while stored(out) == before:
            assert first.is_alive(), "the first goes on"
            time.sleep(0.01)
    finally:
        first.kill()
        first.join()
    assert second.returncode == 2
    assert second.stderr == f"arena: another process is playing {out}; wait for it, or choose another --out\n"
    assert verify(out, processes=1).faults == []
