"""Whatever somebody's agent does, it costs its own matches only; those of the others are the same bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_agents.sandbox import Sandbox, Sandboxed
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena.match import faulty_agents
from tests.arena.players import Seeded

FILE = Path(faulty_agents.__file__)
DUEL, LAKE = find_game("snake-duel"), find_game("frozen-lake")
SMALL = Sandbox(memory_gib=0.5, start_s=60.0)
HANG = ("Power", "Regex", "Ignores", "Remote")
FAILS = {
    "CostInt": "ValueError: a usage's cost must be a number of dollars",
    "Finish": "ValueError: a usage's finish must be one short word",
    "StrSub": "TypeError: a reply's text must be str, not Says",
    "ErrSub": "TypeError: a reply's error must be str, not Says",
    "ReplySub": "TypeError: act()'s replies must be Reply, not Treacherous",
    "ListSub": "TypeError: act() must return a list of Reply objects, not Lying",
    "Surrogate": "ValueError: a reply holds a lone surrogate",
    "OsExit": "its process ended by itself, with exit status 0",
    "Segfault": "its process was ended by SIGSEGV",
    "Interrupts": "KeyboardInterrupt: ",
    "TermParent": "its process was ended by SIGTERM",
    "KillParent": "its process is gone",
    "Closes": "",
    "Eats": "MemoryError: ",
    "Power": "no reply within 1 s",
    "Regex": "no reply within 1 s",
    "Ignores": "no reply within 1 s",
    "Remote": "no reply within 1 s",
}
PLAY_ON = ["Threads", "Fork", "Returns", "Daemons", "Chdir", "Prints", "Walks", "Bends"]


def made(name: str, **settings: Any) -> Sandboxed:
    agent = make_agent(f"{FILE}:{name}", sandbox=SMALL if not settings else Sandbox(**settings))
    assert isinstance(agent, Sandboxed)
    return agent


def matches() -> list[Match]:
    """Its own matches among those of others."""
    pairs = [("bad", "good"), ("good", "bad"), ("good", "good")]
    return [Match(DUEL, seed, pair) for seed in range(3) for pair in pairs]


def played(agent: Agent, deadline_s: float = 60.0) -> dict[str, Episode]:
    agents = {"bad": agent, "good": Seeded()}
    config = MatchConfig(concurrency=6, deadline_s=deadline_s)
    return {episode.id: episode for episode in play(matches(), agents, config)}


def record(episode: Episode) -> Any:
    """All that may not depend on anybody else."""
    steps = [(s.observation.text, s.observation.seed, s.reply, s.action, s.reward) for s in episode.steps]
    return episode.returns, episode.placements, episode.end, episode.culprit, steps


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return {id_: record(episode) for id_, episode in played(Seeded()).items()}


def with_mark(mark: str) -> list[str]:
    """The processes, but for this one, that were started under this mark in the environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mark = f"faulty-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setenv("ARENA_TEST_MARK", mark)
    folder, descriptors = os.getcwd(), len(os.listdir("/proc/self/fd"))
    yield
    until = time.monotonic() + 10
    while (left := with_mark(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left
    assert os.getcwd() == folder
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


@pytest.mark.parametrize("name", FAILS)
def test_a_fault_costs_its_own_matches_only(name: str, undisturbed: dict[str, Any]) -> None:
    agent = made(name)
    began = time.monotonic()
    for id_, episode in played(agent, 1.0 if name in HANG else 60.0).items():
        if "bad" not in episode.players:
            assert record(episode) == undisturbed[id_]
        elif episode.end != EndReason.FINISHED:  # the other may be dead before it is asked
            assert (episode.end, episode.culprit) == (EndReason.FORFEIT, "bad")
            assert FAILS[name] in str(episode.detail)
    assert time.monotonic() - began < 50, "nobody waited for the deadline in vain"
    agent.close()


@pytest.mark.parametrize("name", PLAY_ON)
def test_what_it_does_besides_changes_nothing(name: str, undisturbed: dict[str, Any]) -> None:
    agent = made(name)
    for id_, episode in played(agent).items():
        assert record(episode) == undisturbed[id_], f"{name} plays as Seeded does"
    agent.close()


def test_a_text_that_is_too_long_is_cut_as_ever() -> None:
    for in_process in (False, True):
        agent = make_agent(f"{FILE}:Huge", sandbox=Sandbox(in_process=in_process))
        (episode,) = play([Match(LAKE, 0, ("bad",))], {"bad": agent})
        assert not episode.failed
        assert episode.steps[0].reply.text.endswith("x … [cut: 5,000,000 characters]")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("InitExit", "SystemExit: 0"),
        ("InitOsExit", "its process ended by itself, with exit status 0"),
        ("InitHangs", "InitHangs' within 3 s"),
        ("InitRaises", "KeyboardInterrupt: here"),
        ("AtOnceStr", "at_once must be int, not str"),
        ("AtOnceTiny", "at_once must be int, not float"),
        ("AtOnceNeg", "at_once must be a number of observations"),
        ("AtOnceNan", "at_once must be int, not float"),
        ("NoSuch", "has no 'NoSuch'"),
    ],
)
def test_one_that_cannot_be_made_is_refused_in_one_line(name: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        made(name, start_s=3.0)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["CostInt", "StrSub", "ReplySub", "ListSub", "Finish", "ErrSub", "AtOnceNan"]
)
def test_in_this_process_too_odd_values_are_the_agents_own_failure(name: str) -> None:
    agent = make_agent(f"{FILE}:{name}", sandbox=Sandbox(in_process=True))
    assert not isinstance(agent, Sandboxed)
    for episode in played(agent).values():
        assert episode.end == EndReason.FORFEIT or "bad" not in episode.players


def test_an_agent_in_this_process_that_hangs_gets_no_second_call() -> None:
    class Counts(Seeded):
        calls = 0

        def choose(self, observation: Any) -> str:
            Counts.calls += 1
            time.sleep(3)  # in C: it cannot be interrupted
            return super().choose(observation)

    agent, config = Counts(), MatchConfig(deadline_s=0.1)
    details = [
        next(iter(play([Match(LAKE, seed, ("a",))], {"a": agent}, config))).detail for seed in range(3)
    ]
    assert details == ["no reply within 0.1 s", *["it still hangs in an earlier call"] * 2]
    assert Counts.calls == 1


def test_a_loop_in_this_process_is_ended_with_its_deadline() -> None:
    class Loops(Seeded):
        rounds = 0

        def choose(self, observation: Any) -> str:
            while True:
                Loops.rounds += 1

    (episode,) = play([Match(LAKE, 0, ("a",))], {"a": Loops()}, MatchConfig(deadline_s=0.2))
    assert episode.detail == "no reply within 0.2 s"
    rounds = Loops.rounds
    time.sleep(0.2)
    assert Loops.rounds == rounds, "its thread has ended"


def test_the_house_plays_as_ever_beside_it() -> None:
    snake = find_game("snake")
    agent = made("OsExit")
    match = Match(snake, 1, seated(snake, ("bad",)))
    (episode,) = play([match], {"bad": agent, **house_agents([snake])})
    assert (episode.end, episode.placements) == (EndReason.FORFEIT, (2, 1))
    agent.close()
