"""Served models in a tournament: exact counts in the record, nothing lost, no key anywhere."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from arena.match.episode import EndReason
from arena.match.match import MatchConfig
from arena.match.seating import house_agents
from arena.record.store import FILE_NAME, Store
from arena.record.usages import Spending
from arena.record.verify import verify
from arena.tournament.agents import Agents
from arena.tournament.entrants import parse_entrants
from arena.tournament.executor.in_process import InProcess
from arena.tournament.plan import Tournament
from arena.tournament.run import play_missing
from arena.views.leaderboard import show_leaderboard
from arena.views.options import Format
from arena.views.spending import sentence, show_spending
from arena_agents import Agent
from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from arena_agents.api.models import Served
from arena_agents.api.prices import Price
from arena_agents.api.settings import Settings
from arena_agents.language.api_agent import ServerAgent
from arena_agents.language.template import load_template
from arena_agents.registry import make_agent
from arena_games.base import GameSpec
from arena_games.registry import select_games
from tests.agents.api.openai_server import (
    Behaviour,
    FakeServer,
    half,
    hangs,
    raw,
    refuses,
    says,
    serving,
    status,
)

KEY = "sk-planted-0123456789"
DOWN = "<action>down</action>"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_agents.api.errors.FIRST_WAIT_S", 0.01)


class Silent:
    """Nobody watches."""

    def plan(self, games: object) -> None: ...

    def begin(self, game: str) -> None: ...

    def advance(self, game: str, episodes: object) -> None: ...


class Made(Agents):
    """Agents that are there already."""

    def __init__(self, **agents: Agent) -> None:
        self.agents = agents

    def of_game(self, spec: GameSpec) -> dict[str, Agent]:
        return {**self.agents, **house_agents([spec])}


@pytest.fixture
def agent() -> Iterator[ServerAgent]:
    """Pointed at a server by the test."""
    built = agent_for("http://127.0.0.1:9/v1", deadline_s=0.5)
    yield built
    built.client.close()


def agent_for(url: str, give_up_after: int = 5, deadline_s: float = 20.0) -> ServerAgent:
    settings = Settings(concurrency=4, deadline_s=deadline_s)
    client = ServerClient(Address("m", url), settings, give_up_after=give_up_after)
    return ServerAgent(client, Served("m"), load_template(), price=Price(1, 10))


def planned(out: Path, games: str = "frozen-lake", agents: str = "m", matches: int = 6) -> Tournament:
    return Tournament(tuple(select_games(games)), tuple(parse_entrants(agents)), 0, matches, out)


def held(tournament: Tournament, **agents: Agent) -> dict[str, list[str]]:
    with Store.open(tournament.out, tournament.config(), {}) as store:
        executor = InProcess(Made(**agents), MatchConfig(deadline_s=30.0))
        return play_missing(tournament, store, executor, Silent())


def played(server: FakeServer, tournament: Tournament, give_up_after: int = 5) -> dict[str, list[str]]:
    agent = agent_for(server.url, give_up_after)
    try:
        return held(tournament, m=agent)
    finally:
        agent.client.close()


def spent(out: Path) -> Spending:
    with Store.read(out) as store:
        return store.spending()["m"]


MIXED: list[Behaviour] = [
    status(429, headers={"Retry-After": "0.05"}),
    status(500, "oops"),
    raw(b"garbage"),
    half,
    says(None, refusal="I cannot."),
    says(""),
    says("<action>do", "length"),
    says("nothing to the point"),
    says(DOWN, reasoning_content="<action>up</action> \ud800\x00"),
    status(503),
    refuses("seed"),
]


def test_the_record_counts_every_request_exactly(tmp_path: Path) -> None:
    with serving(*MIXED, says(DOWN)) as server:
        assert played(server, planned(tmp_path)) == {}
    sums = spent(tmp_path)
    with Store.read(tmp_path) as store:
        episodes = list(store.episodes())
    replies = [step.reply for episode in episodes for step in episode.steps]
    assert all(reply.usage is not None for reply in replies)
    assert len(server.calls) == sums.replies + sums.retries
    # Refusing a parameter is one request more; the other five that failed were asked again too.
    assert sums == Spending(
        replies=len(replies),
        prompt_tokens=100 * len(replies),
        completion_tokens=7 * len(replies),
        reasoning_tokens=None,
        cost=pytest.approx(170e-6 * len(replies)),
        retries=6,
        refusals=1,
        truncated=1,
        empty=1,
        failed=0,
    )
    kinds = [reply.usage.finish for reply in replies if reply.usage and reply.usage.finish != "stop"]
    assert sorted(kinds) == ["empty", "length", "refusal"]
    assert [reply.reasoning for reply in replies if reply.reasoning] == ["<action>up</action> \ud800\x00"]
    invalid = [step.reply.text for episode in episodes for step in episode.steps if step.invalid]
    assert sorted(invalid) == ["", "<action>do", "I cannot.", "nothing to the point"]


def test_failed_replies_are_counted_and_their_matches_remain_to_be_played(tmp_path: Path) -> None:
    tournament = planned(tmp_path, matches=12)
    with serving(status(401)) as server:
        cut_short = played(server, tournament, give_up_after=3)
    assert len(cut_short["m"]) == 12
    with Store.read(tmp_path) as store:
        episodes = list(store.episodes())
        assert {episode.id for episode in episodes} == {f"{m.id} (attempt 1)" for m in tournament.schedule()}
        assert {episode.end for episode in episodes} == {EndReason.AGENT_ERROR}
        assert not any(result.rated for result in store.results())
    sums = spent(tmp_path)
    assert sums == Spending(replies=len(server.calls), failed=len(server.calls))
    assert 3 <= sums.replies <= 6  # the others were not asked for: four at a time, three failures

    with serving(says(DOWN)) as server:
        assert played(server, tournament) == {}
    with Store.read(tmp_path) as store:
        results = store.results()
        ids = store.episode_ids()
        assert {m.id for m in tournament.schedule()} <= ids
    assert (len(ids), sum(result.rated for result in results)) == (24, 12)
    with serving(says(DOWN)) as server:
        assert played(server, tournament) == {}
    assert not server.calls


def test_attempts_are_numbered_and_the_last_of_them_forfeits(tmp_path: Path) -> None:
    """Else whoever is about to lose could have its server fall silent, and play the match until it is won."""
    tournament = planned(tmp_path, matches=1)
    for expected in (True, True, False):
        with serving(status(401)) as server:
            assert bool(played(server, tournament)) == expected
    (match,) = tournament.schedule()
    with Store.read(tmp_path) as store:
        assert store.episode_ids() == {f"{match.id} (attempt 1)", f"{match.id} (attempt 2)", match.id}
        assert {episode.match_id for episode in store.episodes()} == {match.id}
        assert [result.rated for result in store.results()] == [True, False, False]  # in the order of ids
        ends = {episode.id: (episode.end, episode.culprit) for episode in store.episodes()}
    assert ends[match.id] == (EndReason.FORFEIT, "m")
    assert verify(tmp_path).faults == []


def test_attempts_in_which_nobody_was_asked_do_not_count(tmp_path: Path, agent: ServerAgent) -> None:
    """A server that was given up was shown no position, so that it cannot have chosen."""
    tournament = planned(tmp_path, matches=1)
    agent.client.given_up = "it is gone"
    for _ in range(4):
        assert held(tournament, m=agent) == {"m": ["it is gone"]}
    with serving(says(DOWN)) as server:
        assert played(server, tournament) == {}
    (match,) = tournament.schedule()
    with Store.read(tmp_path) as store:
        whole = store.episode(match.id)
    assert whole is not None
    assert whole.end == EndReason.FINISHED or whole.end == EndReason.TRUNCATED


def test_a_refused_request_is_the_agents_failure_and_final(tmp_path: Path) -> None:
    tournament = planned(tmp_path, matches=2)
    with serving(status(400, {"error": {"message": "the context is too long"}})) as server:
        assert played(server, tournament) == {}
    with Store.read(tmp_path) as store:
        assert store.episode_ids() == {match.id for match in tournament.schedule()}
    assert spent(tmp_path) == Spending(replies=2, failed=2)


def test_others_play_on_when_a_server_is_gone(tmp_path: Path, agent: ServerAgent) -> None:
    tournament = planned(tmp_path, "frozen-lake,snake-duel", "m,random,search", matches=4)
    cut_short = held(tournament, m=agent, random=make_agent("random"), search=make_agent("search"))
    assert set(cut_short) == {"m"}
    with Store.read(tmp_path) as store:
        rated = [result.players for result in store.results() if result.rated]
    assert len(rated) == sum("m" not in match.players for match in tournament.schedule())


def test_a_run_with_attempts_passes_verification(tmp_path: Path) -> None:
    with serving(says(DOWN), says("?"), status(401)) as server:
        played(server, planned(tmp_path))
    with serving(*MIXED, says(DOWN)) as server:
        played(server, planned(tmp_path))
    assert verify(tmp_path).faults == []
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE usages SET cost = 0 WHERE episode = 8")
    assert any("its seal is broken" in fault for fault in verify(tmp_path).faults)


def test_what_was_spent_is_told_in_a_sentence_as_far_as_it_is_known() -> None:
    assert sentence(Spending(118, 5580, 354)) == "118 replies, 5.58k tokens in, 354 out"
    assert sentence(Spending(2, failed=2)) == "2 replies, unknown tokens in, unknown out; 2 failed"
    whole = Spending(12_345, 999_600, 1_234_567_890, 1000, 0.0123, 1, 2, 3, 4, 5)
    assert sentence(whole) == (
        "12,345 replies, 1M tokens in, 1.23G out (1k of them reasoning), $0.0123; "
        "1 retries, 2 refused, 3 cut off, 4 empty, 5 failed"
    )


def test_names_are_not_read_as_markup() -> None:
    shown = io.StringIO()
    show_spending({"[red]a\x1b[31m": Spending(1, 2, 3)}, Console(file=shown, width=80))
    assert "[red]a\\x1b[31m  1 replies, 2 tokens in, 3 out" in shown.getvalue()
    show_spending({}, Console(file=(nothing := io.StringIO())))
    assert nothing.getvalue() == ""


def arena(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(cwd), **variables}
    command = [sys.executable, "-m", "arena", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=600)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_planted_key_is_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server echoes the key wherever it can: in replies, reasoning, errors, names of models."""
    echoes = [
        says(f"{KEY} {DOWN}", reasoning=KEY),
        status(500, KEY),
        status(400, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        status(401, {"error": {"message": KEY}}),
    ]
    with serving(*echoes, says(DOWN)) as server:
        command = ("tournament", "--games", "frozen-lake", "--matches", "4", "--out", "run")
        address = f"m@{server.url}"
        loud = {"ARENA_API_KEY": KEY, "OPENAI_LOG": "debug"}
        done = arena(*command, "--agents", f"random,{address}", cwd=tmp_path, **loud)
    assert {call.headers["authorization"] for call in server.calls} == {f"Bearer {KEY}"}
    assert "1 matches remain to be played, repeat the command" in done.stderr
    assert done.returncode == 1
    show_leaderboard(tmp_path / "run", Format.JSON)
    shown = capsys.readouterr().out
    (row,) = json.loads(shown)["replies"]
    assert (row["agent"], row["failed"], row["retries"]) == (address, 2, 1)
    for text in (done.stdout, done.stderr, shown):
        assert KEY not in text
    assert KEY.encode() not in everything(tmp_path)
    assert b"[key]" in everything(tmp_path)  # it was there to be found


def test_an_interrupted_run_ends_at_once_though_the_server_hangs(tmp_path: Path) -> None:
    with serving(hangs) as server:
        words = ["tournament", "--games", "frozen-lake", "--agents", f"m@{server.url}", "--out", "run"]
        command = [sys.executable, "-m", "arena", *words]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        until = time.monotonic() + 400
        while not server.calls and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=100)  # its replies have 120 s
    assert process.returncode == 130
    assert b"interrupted; repeat the command to go on" in stderr
    assert b"Traceback" not in stderr
