"""However many processes play, and whatever kills them, what is stored is the same."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.match.match import Match, MatchConfig
from arena.record.verify import verify
from arena.tournament.executor.choose import workers_for
from arena.tournament.executor.chunks import LARGEST, Supply, chunks, line_up
from arena.tournament.executor.task import Task
from arena.tournament.executor.worker import work
from arena.tournament.plan import Tournament
from arena.tournament.run import UntilSeparated, run
from arena_agents.sandbox import Sandbox
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena.tournament.test_crash import board, contents

PLAYERS = Path(__file__).parents[1] / "players.py"
GAMES = "frozen-lake,snake-duel,snake"


AGENTS = "a=random,b=random,c=search"


def hold(out: Path, workers: int, matches: int = 12) -> None:
    planned = Tournament.of(GAMES, AGENTS, out, seed=3, matches=matches)
    until = UntilSeparated(len(planned.schedule()) + 30)
    run(planned, until=until, workers=workers)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process plays."""
    out: Path = tmp_path_factory.mktemp("alone")
    hold(out, 1)
    return out


@pytest.mark.parametrize("workers", [2, 8])
def test_episodes_and_leaderboard_do_not_depend_on_how_many_play(
    alone: Path, tmp_path: Path, workers: int
) -> None:
    hold(tmp_path, workers)
    assert contents(tmp_path) == contents(alone)
    assert board(tmp_path) == board(alone)
    assert verify(tmp_path, processes=1).faults == []
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in alone.iterdir())


def living() -> list[psutil.Process]:
    """The workers of this process."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "arena.tournament.executor.worker" in _command(child)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def kill_some(kills: int, over: threading.Event, done: list[int]) -> None:
    """Kill a worker now and then, while it starts or plays, until so many are dead or the run is over."""
    generator = random.Random(5)
    while len(done) < kills and not over.wait(generator.uniform(0.1, 0.8)):
        for victim in generator.sample(found := living(), min(1, len(found))):
            victim.kill()
            done.append(victim.pid)


def check_killed(out: Path, kills: int, matches: int) -> None:
    over, done = threading.Event(), list[int]()
    killer = threading.Thread(target=kill_some, args=(kills, over, done))
    killer.start()
    try:
        hold(out, 3, matches)
    finally:
        over.set()
        killer.join()
    assert len(done) == kills, "every kill must hit a running tournament"
    assert living() == []


def test_workers_that_are_killed_cost_nothing_but_time(tmp_path: Path) -> None:
    check_killed(tmp_path / "killed", kills=3, matches=30)
    hold(tmp_path / "whole", 1, 30)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert board(tmp_path / "killed") == board(tmp_path / "whole")


@pytest.mark.slow
def test_thirty_workers_that_are_killed(tmp_path: Path) -> None:
    check_killed(tmp_path / "killed", kills=30, matches=3000)
    hold(tmp_path / "whole", 1, 3000)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert board(tmp_path / "killed") == board(tmp_path / "whole")


def test_a_match_that_kills_whoever_plays_it_ends_the_run_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.tournament.executor.workers.MOST_DEATHS", 1)
    planned = Tournament.of("frozen-lake", f"a=random,x={PLAYERS}:Dies", tmp_path, matches=2)
    with pytest.raises(UsageError, match=r"3 workers in a row .*exit status.*--workers 1"):
        run(planned, workers=2, sandbox=Sandbox(in_process=True))
    run(planned, workers=2)  # in a process of its own it forfeits
    assert len(contents(tmp_path)) == len(planned.schedule())


def test_classes_of_the_users_play_in_every_worker(tmp_path: Path) -> None:
    agents = f"a=random,b={PLAYERS}:Seeded,bad={PLAYERS}:Raises"
    for workers in (1, 2):
        run(Tournament.of("snake-duel", agents, tmp_path / str(workers), matches=8), workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert {path.name for path in (tmp_path / "2" / "logs").iterdir()} >= {"worker-1", "worker-2"}


def test_ctrl_c_ends_the_workers_and_the_run_goes_on(alone: Path, tmp_path: Path) -> None:
    options = ["--games", GAMES, "--agents", AGENTS, "--seed", "3", "--matches", "12"]
    command = [sys.executable, "-m", "arena", "tournament", *options, "--until-separated", "--max-matches"]
    planned = Tournament.of(GAMES, AGENTS, tmp_path, seed=3, matches=12)
    command += [str(len(planned.schedule()) + 30), "--workers", "2", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        found: list[psutil.Process] = []
        while len(found) < 2 and process.poll() is None:
            time.sleep(0.05)
            found = [c for c in living() if c.ppid() == process.pid]
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.endswith("arena: interrupted; repeat the command to go on\n")
    _, left = psutil.wait_procs(found, timeout=60)
    assert [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    hold(tmp_path, 2)
    assert contents(tmp_path) == contents(alone)


def test_a_worker_says_what_is_wrong(tmp_path: Path) -> None:
    task = Task(("nosuch",), (), tmp_path, None, False, MatchConfig(), "transformers", Sandbox())
    ours, theirs = Pipe()
    ours.send(task)
    with pytest.raises(UsageError, match="unknown game 'nosuch'"):
        work(theirs)


MATCHES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("abc"), st.integers(0, 9)), max_size=60)


@given(drawn=MATCHES, size=st.integers(1, 7))
def test_chunks_hold_one_line_up_and_lose_nothing(drawn: list[tuple[str, str, int]], size: int) -> None:
    matches = [Match(find_game("snake-duel"), seed, (one, other)) for one, other, seed in drawn]
    found = list(chunks(matches, size))
    assert [match for chunk in found for match in chunk] == matches
    assert all(len(chunk) <= size and len({*map(line_up, chunk)}) == 1 for chunk in found)


@given(drawn=MATCHES, workers=st.integers(1, 4), pick=st.randoms(use_true_random=False))
def test_a_supply_gives_every_match_out_once_and_draws_few_ahead(
    drawn: list[tuple[str, str, int]], workers: int, pick: random.Random
) -> None:
    matches = [
        Match(find_game("snake-duel"), seed, (one, other), at) for at, (one, other, seed) in enumerate(drawn)
    ]
    taken = 0

    def counted() -> Iterator[Match]:
        nonlocal taken
        for match in matches:
            taken += 1
            yield match

    supply, given_out = Supply(counted(), len(matches), workers), list[Match]()
    last, returned = None, False
    while (chunk := supply.next_for(last, [])) is not None:
        last = line_up(chunk[0])
        if not returned and pick.random() < 0.3:
            supply.give_back(chunk)
            returned = True
            continue
        given_out += chunk
        assert taken - len(given_out) <= 2 * workers * LARGEST + 1
    assert Counter(match.id for match in given_out) == Counter(match.id for match in matches)


def test_one_process_plays_where_agents_need_more_than_a_core() -> None:
    def chosen(agents: str, missing: int = 10**6) -> int:
        return workers_for(None, Tournament.of("frozen-lake", agents, "x").entrants, missing)

    several = chosen("random,search,dqn")
    assert several == len(psutil.Process().cpu_affinity())
    assert chosen("random,search", missing=100) == 1
    for agents in ("random,nano", "random,nano+snake", f"random,{PLAYERS}:First", "random,m@http://x/v1"):
        assert chosen(agents) == 1
    assert workers_for(5, (), 0) == 5
    with pytest.raises(UsageError, match="--workers is a number from 1"):
        workers_for(0, (), 0)
