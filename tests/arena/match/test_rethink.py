"""Rethink: an agent is asked again after an invalid reply; every attempt is stored, counted and paid for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from arena.cli.app import app
from arena.match.episode import EndReason, Episode
from arena.match.evaluate import evaluate
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record import attempts, packed, rows, seals
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.tournament.plan import Tournament
from arena.views.terminal.frames import Replay, frame
from arena_agents import Agent, Observation, Reply, Usage
from arena_agents.language.template import load_template, told
from arena_agents.random import RandomAgent
from arena_games.base import GameSpec, Rejected, UsageError, action_reply
from arena_games.registry import find_game
from arena_leaderboard import render_csv, render_json, render_markdown, render_rich, standings

LAKE, DUEL = find_game("frozen-lake"), find_game("snake-duel")
BABBLE, WRONG = "I would rather not.", "<action>jump</action>"


class Learns(Agent):
    """Babbles, names no action of the game, and then plays; `patience` says how often it must be asked."""

    def __init__(self, patience: int = 2) -> None:
        self.patience, self.seen = patience, list[Observation]()

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        self.seen += observations
        return [self._one(observation) for observation in observations]

    def _one(self, observation: Observation) -> Reply:
        asked = len(observation.rejected)
        text = (
            action_reply(observation.legal_names[int(observation.rng().choice(len(observation.legal)))])
            if asked >= self.patience
            else (BABBLE, WRONG)[asked % 2]
        )
        return Reply(text, usage=Usage(100, 10, 3, cost=0.5), reasoning=f"thought {asked}")


class Breaks(Learns):
    """Babbles once, and then fails."""

    def _one(self, observation: Observation) -> Reply:
        return Reply("", error="gone") if observation.rejected else super()._one(observation)


def played(agent: Agent, rethink: int, spec: GameSpec = LAKE, count: int = 3) -> list[Episode]:
    matches = [Match(spec, seed, seated(spec, ("a",) * len(spec.open_seats))) for seed in range(count)]
    agents = {"a": agent, **house_agents([spec])}
    return list(play(matches, agents, MatchConfig(rethink=rethink)))


def test_the_agent_is_told_which_of_the_two_it_was() -> None:
    agent = Learns()
    (episode,) = played(agent, rethink=5, count=1)
    step = episode.steps[0]
    assert (step.invalid, len(step.attempts), step.invalid_at_first) == (None, 2, True)
    unreadable, illegal = step.attempts
    assert (unreadable.reply.text, unreadable.illegal) == (BABBLE, False)
    assert (illegal.reply.text, illegal.illegal) == (WRONG, True)
    asked = agent.seen[:3]
    assert asked[2].rejected == tuple(Rejected(a.reply.text, a.invalid, a.illegal) for a in step.attempts)
    assert len({observation.seed for observation in asked}) == 3
    assert {(o.text, o.turn, o.legal) for o in asked} == {(asked[0].text, 0, asked[0].legal)}
    assert step.observation.rejected == ()
    assert step.seconds >= sum(attempt.seconds for attempt in step.attempts)


def test_what_is_invalid_after_all_is_played_as_without_rethinking() -> None:
    for before, after in zip(played(Learns(99), 0), played(Learns(99), 2), strict=True):
        assert [step.action for step in before.steps] == [step.action for step in after.steps]
        assert before.returns == after.returns
        assert all(len(step.attempts) == 2 and step.invalid for step in after.steps)
        assert all(not step.attempts and step.invalid_at_first for step in before.steps)


def test_valid_replies_are_asked_for_once() -> None:
    before, after = (played(RandomAgent(), rethink, DUEL) for rethink in (0, 3))
    assert [e.returns for e in before] == [e.returns for e in after]
    assert not any(step.attempts for episode in after for step in episode.steps)


def test_the_conversation_goes_on_in_the_prompt() -> None:
    agent = Learns()
    played(agent, rethink=2, count=1)
    third = agent.seen[2]
    first, *_ = messages = load_template().messages(LAKE, third)
    assert messages[:2] == load_template().messages(LAKE, replace(third, rejected=()))
    assert first["role"] == "system"
    assert [message["role"] for message in messages[2:]] == ["assistant", "user", "assistant", "user"]
    assert (messages[2]["content"], messages[4]["content"]) == (BABBLE, WRONG)
    assert messages[3]["content"].startswith("This reply cannot be read: no <action>")
    assert messages[5]["content"].startswith("This action cannot be played: the named action is not one of")
    assert "is not legal now" in told(Rejected("x", "left is not legal now", illegal=True))
    (empty,) = load_template().messages(LAKE, replace(third, rejected=(Rejected("", "no", False),)))[2:3]
    assert empty["content"]  # templates and servers refuse an empty turn


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add(played(Learns(), 1, count=2) + played(Learns(1), 1, DUEL, 2), LAKE.open_seats)
        store.add([replace(e, id=f"{e.id}") for e in played(Breaks(), 3, find_game("snake"), 1)], (0,))
    return tmp_path


def test_every_attempt_is_stored_and_verified(run: Path) -> None:
    with Store.read(run) as store:
        for before, after in zip(
            sorted(played(Learns(), 1, count=2), key=lambda e: e.id),
            store.episodes("frozen-lake"),
            strict=True,
        ):
            assert len(before.steps) == len(after.steps)
            for one, other in zip(before.steps, after.steps, strict=True):
                assert [(a.reply, a.invalid, a.illegal) for a in one.attempts] == [
                    (a.reply, a.invalid, a.illegal) for a in other.attempts
                ]
        (broken,) = store.episodes("snake")
    assert broken.end == EndReason.FORFEIT
    assert [attempt.reply.text for attempt in broken.abandoned] == [BABBLE]
    assert verify(run, processes=1).faults == []


@pytest.mark.parametrize("change", ["SET invalid = 'no'", "SET seconds = 9.0", "SET illegal = 1 - illegal"])
def test_a_changed_attempt_is_found(run: Path, change: str) -> None:
    with closing(sqlite3.connect(run / FILE_NAME)) as connection, connection:
        connection.execute(f"UPDATE attempts {change} WHERE episode = 1 AND position = 0")
    seals.file_seal(run / FILE_NAME).unlink()
    assert len(verify(run, processes=1).faults) == 1


def test_every_attempt_is_counted_and_paid_for(run: Path) -> None:
    with Store.read(run) as store:
        spent, episodes = store.spending()["a"], list(store.episodes())
        results = store.results()
    steps = [step for episode in episodes for step in episode.steps if episode.players[step.seat] == "a"]
    replies = sum(1 + len(step.attempts) for step in steps) + sum(len(e.abandoned) for e in episodes)
    assert any(step.attempts for step in steps)
    assert (spent.replies, spent.prompt_tokens, spent.cost) == (replies, 100 * replies, 0.5 * replies)
    lake = [result for result in results if result.game == "frozen-lake"]
    assert all(result.invalid == result.invalid_at_first == result.decisions for result in lake)
    duels = [result for result in results if result.game == "snake-duel"]
    assert all(sum(r.invalid) == 0 and r.invalid_at_first == r.decisions for r in duels)


def test_at_first_and_after_all_stand_apart(run: Path) -> None:
    with Store.read(run) as store:
        board = standings(store.results(), bootstraps=10)
    (row,) = board.games["snake-duel"]
    assert (row.invalid_rate, row.first_invalid_rate, row.asked_again) == (0.0, 1.0, True)
    told_apart = json.loads(render_json(board))["games"]["snake-duel"][0]
    assert (told_apart["invalid_rate"], told_apart["first_invalid_rate"]) == (0.0, 1.0)
    assert "first_invalid_rate" in render_csv(board).splitlines()[0]
    assert "0.0% (100.0% at first)" in render_markdown(board)
    console = Console(width=200, record=True, file=StringIO())
    render_rich(board, console)
    assert "at first" in console.export_text()


def test_without_it_nothing_new_is_shown(tmp_path: Path) -> None:
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add(played(Learns(99), 0, DUEL), DUEL.open_seats)
        board = standings(store.results(), bootstraps=10)
    assert not any(row.asked_again for row in board.overall)
    assert "at first" not in render_markdown(board)


def test_an_agent_is_evaluated_so() -> None:
    for patience, expected in ((1, (0.0, 1.0)), (9, (1.0, 1.0)), (0, (0.0, 0.0))):
        (row,) = evaluate("a", Learns(patience), [LAKE], episodes=3, config=MatchConfig(rethink=1))
        assert (row.invalid_rate, row.first_invalid_rate) == expected


def test_a_replay_shows_what_was_asked_again() -> None:
    (episode,) = played(Learns(1), 1, count=1)
    shown = frame(Replay(episode), 0)
    assert shown.reply is not None
    assert shown.reply.startswith(f"{BABBLE}\n[asked again: no <action>")


def test_a_tournament_is_continued_under_the_same_rule_only(tmp_path: Path) -> None:
    plain, again = (
        Tournament.of("frozen-lake", "random", tmp_path, matches=2, rethink=rethink) for rethink in (0, 2)
    )
    assert "rethink" not in plain.config()
    assert again.config()["rethink"] == 2


def test_the_commands_take_it(tmp_path: Path) -> None:
    def eval_json(*options: str) -> Any:
        command = ["eval", "nano", "--games", "frozen-lake", "--episodes", "4", "--json", *options]
        return json.loads(CliRunner().invoke(app, command).stdout)[0]

    assert eval_json("--rethink", "2")["first_invalid_rate"] >= eval_json("--rethink", "2")["invalid_rate"]
    out = str(tmp_path / "t")
    command = [
        "tournament",
        "--games",
        "frozen-lake",
        "--agents",
        "random,nano",
        "--matches",
        "4",
        "--out",
        out,
    ]
    assert CliRunner().invoke(app, [*command, "--rethink", "1"]).exit_code == 0
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code != 0


def test_a_run_of_the_format_before_is_read_and_continued(tmp_path: Path) -> None:
    """There nobody was asked again: no table of attempts, and everything else alike."""
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add(played(Learns(99), 0, count=1), LAKE.open_seats)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        packed.teach(connection)
        whole = connection.execute(packed.ALL).fetchall()
        connection.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", whole)
        for table in ("attempts", "plays", "packed", "bases"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute(f"PRAGMA user_version = {rows.WITHOUT_ATTEMPTS}")
    seals.file_seal(tmp_path / FILE_NAME).unlink()
    assert verify(tmp_path, processes=1).faults == []
    with Store.open(tmp_path, {"seed": 0}, {"python": "3"}) as store:
        store.add(played(Learns(99), 0, count=2)[1:], LAKE.open_seats)
        assert [result.invalid_at_first == result.invalid for result in store.results()] == [True, True]
        with pytest.raises(UsageError, match=r"format 2.*--rethink"):
            store.add(played(Learns(1), 1, DUEL, 1), DUEL.open_seats)
    assert verify(tmp_path, processes=1).faults == []
    assert attempts.TABLE in rows.SCHEMA
