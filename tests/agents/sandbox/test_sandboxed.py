"""An agent in a process of its own plays as it would here; its log is kept, and nothing else is left."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena_agents import Observation, Reply
from arena_agents.limits import LARGEST_LOG
from arena_agents.registry import is_foreign, make_agent
from arena_agents.sandbox import Sandbox, Sandboxed
from arena_agents.sandbox.budget import FIRST_LOOK_S, Budget, SpentError, cores
from arena_agents.spec import split_call
from arena_games.base import UsageError
from arena_games.registry import find_game

AGENT = """
import os, sys, time
from arena_agents import Agent, Reply
from beside import WORD

print("made with", sys.argv[0])

class Says(Agent):
    def __init__(self, word=WORD, *, times=1):
        self.word, self.times = word, times
    def choose(self, o):
        return self.word * self.times

class Fails(Agent):
    def choose(self, o):
        raise RuntimeError("no more ideas")

class Chats(Agent):
    def choose(self, o):
        print("x" * 100_000)
        return "up"

class Dies(Agent):
    def act(self, seen):
        if any(o.turn == 3 for o in seen):
            os._exit(3)
        return [Reply("up") for _ in seen]

class Sleeps(Agent):
    at_once = 2
    def act(self, seen):
        time.sleep(0.3 * ((len(seen) + 1) // 2))
        return [Reply("up") for _ in seen]

class Where(Agent):
    def choose(self, o):
        return f"{os.getcwd()} {os.getpid()} {os.getppid()}"

class Spec(Agent):
    def choose(self, o):
        return o.known_spec().task

class Spins(Agent):
    def __init__(self):
        import threading
        self.turns = 0
        def spin():
            while True:
                self.turns += 1
        threading.Thread(target=spin, daemon=True).start()
    def choose(self, o):
        return str(time.process_time())

class Hogs(Agent):
    def __init__(self, how="itself"):
        self.how = how
    def choose(self, o):
        if self.how == "child":
            import subprocess
            subprocess.run([sys.executable, "-c", "while True: pass"], start_new_session=o.turn == 1)
        while self.how == "itself":
            pass
        return "up"

class SpinsFirst(Hogs):
    def __init__(self):
        while True:
            pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A module in a folder of its own, beside one that it needs."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "beside.py").write_text("WORD = 'up'\n")
    path = tmp_path / "mine" / "agents_of_mine.py"
    path.write_text(AGENT)
    return path


def seen(*turns: int) -> list[Observation]:
    return [Observation("frozen-lake", 0, turn, "", (0,)) for turn in turns or (0,)]


def made(spec: str, **settings: object) -> Sandboxed:
    agent = make_agent(spec, sandbox=Sandbox(**{"memory_gib": 2.0, **settings}))  # type: ignore[arg-type]
    assert isinstance(agent, Sandboxed)
    return agent


def test_modules_beside_a_file_are_found_in_both_kinds_of_process(file: Path) -> None:
    for in_process in (False, True):
        agent = make_agent(f"{file}:Says", sandbox=Sandbox(in_process=in_process))
        assert isinstance(agent, Sandboxed) != in_process
        assert agent.act(seen()) == [Reply("up")]


@pytest.mark.parametrize(
    ("call", "says"),
    [("('a')", "a"), ("('a', times=3)", "aaa"), ("(times=2, word='b,c')", "b,cb,c"), ("()", "up")],
)
def test_arguments_are_literals_behind_the_class(call: str, says: str, file: Path) -> None:
    agent = made(f"{file}:Says{call}")
    assert agent.act(seen()) == [Reply(says)]
    agent.close()


@pytest.mark.parametrize("call", ["(__import__('os'))", "(a", "(x=y)", "(*[1])", "(**{'a': 1})", "('a'))"])
def test_arguments_that_are_no_literals_are_refused(call: str, file: Path) -> None:
    with pytest.raises(UsageError, match=r"write literals, such as Says\(depth=3\)|has no 'Says"):
        make_agent(f"{file}:Says{call}")


def test_a_call_is_told_from_a_name() -> None:
    assert split_call("a/b (c).py:D(1, k='x')") == ("a/b (c).py:D(1, k='x')", [], {})
    assert split_call("m.n:D(1, k=('x', [2]))") == ("m.n:D", [1], {"k": ("x", [2])})
    assert split_call("m:D") == ("m:D", [], {})


@pytest.mark.parametrize("spec", ["random", "nano", "hf:a:b", "m@http://host:1/v1", "mcts:9", "cfr", "none"])
def test_agents_of_ours_play_here(spec: str) -> None:
    assert not is_foreign(spec)


def test_what_it_prints_and_where_it_failed_are_in_its_log(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        agent = made(f"{file}:Fails", logs=tmp_path / "logs")
        agent.ask(seen(), 20)
        agent.close()
    (log,) = (tmp_path / "logs").iterdir()
    assert log == agent.log
    text = log.read_text()
    assert "made with" in text
    assert 'raise RuntimeError("no more ideas")' in text
    (warning,) = (record.getMessage() for record in caplog.records)
    assert f"failed: RuntimeError: no more ideas; what it printed is in {log}" in warning


def test_a_log_is_bounded(file: Path, tmp_path: Path) -> None:
    agent = made(f"{file}:Chats", logs=tmp_path)
    agent.ask(seen(*[0] * 30), 60)
    agent.close()
    assert LARGEST_LOG < agent.log.stat().st_size < LARGEST_LOG + 100
    assert agent.log.read_text().endswith("[what it printed from here on is left out]\n")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_log_is_a_regular_file_or_none(file: Path, tmp_path: Path, kind: str) -> None:
    agent = made(f"{file}:Says", logs=tmp_path / "logs")
    agent.close()
    agent.log.unlink()
    (tmp_path / "private").write_text("mine")
    agent.log.symlink_to(tmp_path / "private") if kind == "link" else os.mkfifo(agent.log)
    again = made(f"{file}:Says", logs=tmp_path / "logs")
    assert again.log == agent.log
    assert again.ask(seen(), 20)[0].error is None
    again.close()
    assert (tmp_path / "private").read_text() == "mine"


def test_a_temporary_log_is_kept_only_of_an_agent_that_failed(file: Path) -> None:
    for name, kept in (("Says", False), ("Fails", True)):
        agent = made(f"{file}:{name}")
        agent.ask(seen(), 20)
        log = agent.log
        del agent
        assert log.exists() == kept
        assert log.parent.exists() == kept


def test_of_a_batch_that_it_dies_of_only_the_one_is_lost(file: Path) -> None:
    agent = made(f"{file}:Dies")
    replies = agent.ask(seen(0, 1, 2, 3, 4), 30)
    died = Reply("", error="its process ended by itself, with exit status 3")
    assert replies == [Reply("up")] * 3 + [died] + [Reply("up")]
    assert agent.ask(seen(5), 30) == [Reply("up")]
    agent.close()


def test_one_that_dies_again_and_again_is_given_up(file: Path) -> None:
    agent = made(f"{file}:Dies")
    errors = [agent.ask(seen(3), 30)[0].error for _ in range(5)]
    why = "its process ended by itself, with exit status 3"
    assert errors == [why] * 3 + [f"given up: {why}"] * 2


def test_each_turn_of_a_batch_has_its_deadline_and_three_misses_end_it(file: Path) -> None:
    agent = made(f"{file}:Sleeps")
    assert agent.ask(seen(0, 1, 2, 3), 5.0) == [Reply("up")] * 4
    errors = [agent.ask(seen(0, 1, 2), 0.1)[2].error for _ in range(4)]
    assert errors == ["no reply within 0.2 s"] * 3 + ["given up: no reply within 0.2 s"]


def test_its_folder_is_the_users_and_its_game_is_known(file: Path) -> None:
    agent = made(f"{file}:Where")
    folder, pid, parent = agent.act(seen())[0].text.split()
    assert folder == os.getcwd()
    assert len({int(pid), int(parent), os.getpid()}) == 3
    agent.close()
    lake = find_game("frozen-lake")
    agent = made(f"{file}:Spec")
    asked = Observation("frozen-lake", 0, 0, "", (0,), spec=lake)
    assert agent.act([asked]) == [Reply(lake.task)]
    agent.close()


@pytest.mark.skipif(sys.platform != "linux", reason="processor time is read as Linux tells it")
def test_between_two_questions_it_is_paused(file: Path) -> None:
    """Its threads may not take time from those that are asked meanwhile."""
    agent = made(f"{file}:Spins")
    before = float(agent.act(seen())[0].text)
    time.sleep(1.0)
    assert float(agent.act(seen())[0].text) - before < 0.5
    agent.close()


@pytest.mark.parametrize(("call", "turn"), [("", 0), ("('child')", 0), ("('child')", 1)])
def test_a_call_has_so_much_processor_time_its_children_included(call: str, turn: int, file: Path) -> None:
    agent = made(f"{file}:Hogs{call}", cpu_s=0.5)
    began = time.monotonic()
    assert agent.ask([*seen(turn)], 600)[0].error == "no reply within 0.5 s of processor time"
    assert time.monotonic() - began < 300, "long before the deadline"
    assert agent.ask([*seen(turn)], 0.2)[0].error == "no reply within 0.2 s", "the clock ends it as ever"


def test_making_it_has_so_much_processor_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "start_cpu_s", 0.5)
    with pytest.raises(UsageError, match=r"cannot make agent .* within 0\.5 s of processor time"):
        made(f"{file}:SpinsFirst")


def test_who_sleeps_takes_none_and_each_call_has_its_own(file: Path) -> None:
    agent = made(f"{file}:Sleeps", cpu_s=0.1)
    assert [agent.ask(seen(0, 1), 20)[0] for _ in range(3)] == [Reply("up")] * 3
    agent.close()


def test_half_of_the_processors_have_the_deadline_where_nothing_is_said() -> None:
    half = max(1, cores() // 2)
    assert Sandbox().cpu_within(30.0, turns=3) == 30.0 * half
    assert Sandbox(cpu_s=2.0).cpu_within(30.0, turns=3) == 6.0
    assert Sandbox(cpu_s=2.0, start_s=9.0).start_cpu_s == 9.0 * half


def test_a_budget_counts_from_its_first_look_and_looks_again_before_it_can_be_spent() -> None:
    spent = iter([100.0, 100.0, 103.0, 103.9, 104.1])
    budget = Budget(0, 4.0, lambda _: next(spent))
    waits = []
    for _ in range(4):
        waits.append(budget.wait_s)
        budget.look()
    assert waits == [FIRST_LOOK_S, 4.0 / cores(), 4.0 / cores(), max(FIRST_LOOK_S, 1.0 / cores())]
    with pytest.raises(SpentError):
        budget.look()


STARTS = """
import sys, time
from arena_agents.registry import make_agent
from arena_agents import Observation
agent = make_agent(sys.argv[1])
print(agent.act([Observation("frozen-lake", 0, 0, "", (0,))])[0].text, flush=True)
if sys.argv[2] == "wait":
    time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_however_the_arena_ends_no_process_is_left(how: signal.Signals | None, file: Path) -> None:
    command = [sys.executable, "-c", STARTS, f"{file}:Where", "wait" if how else "end"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as arena:
        assert arena.stdout is not None
        _, *pids = arena.stdout.readline().split()
        if how is not None:
            assert all(map(alive, map(int, pids)))
            arena.send_signal(how)
        arena.wait(120)
    until = time.monotonic() + 120
    while any(map(alive, map(int, pids))) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(alive, map(int, pids)))
