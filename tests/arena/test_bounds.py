"""Nothing that comes in is without a bound: replies, sums, settings, files, devices in the place of files."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.match.border import taken_in
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena.record.store import FILE_NAME, Store
from arena.training.config import MsgrpoConfig
from arena.training.dqn.config import DqnConfig
from arena.training.layers import resolve
from arena_agents import Agent, Observation, Reply, Usage
from arena_agents.causal_lm.adapter_config import read_adapter
from arena_agents.dqn.agent import DqnPolicy
from arena_agents.limits import (
    LONGEST_ERROR,
    LONGEST_OBSERVATION,
    LONGEST_REASONING,
    LONGEST_REPLY,
    MOST_MATCHES,
    cut,
)
from arena_agents.random import RandomAgent
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.arena.views.report_runs import fill

ROOT = Path(__file__).parents[2]
LAKE = find_game("frozen-lake")
COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "retries")


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def line(done: Result) -> str:
    assert done.exit_code == 2, done.output
    (said,) = done.stderr.splitlines()
    return said


@given(st.text(max_size=200), st.integers(0, 100))
def test_what_was_cut_is_no_longer_than_allowed_and_stays(text: str, limit: int) -> None:
    once = cut(text, limit)
    assert len(once) <= limit or once == text
    assert cut(once, limit) == once
    assert len(text) > limit or once == text


def test_a_cut_text_tells_its_length() -> None:
    assert cut("x" * 50_000_000, LONGEST_REPLY).endswith("x … [cut: 50,000,000 characters]")


@dataclass
class Answers(Agent):
    """Always the same."""

    reply: Reply

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [self.reply] * len(observations)


def test_long_replies_are_cut_before_they_are_stored(tmp_path: Path) -> None:
    said = Reply("y" * 5_000_000, reasoning="z" * 5_000_000, usage=Usage(1, 1, finish="whatever"))
    failed = Reply("", error="e" * 20_000_000)
    with Store.open(tmp_path, {}, {}) as store:
        for name, reply in (("says", said), ("fails", failed)):
            matches = [Match(LAKE, 3, seated(LAKE, (name,)))]
            store.add(list(play(matches, {name: Answers(reply), **house_agents([LAKE])})), (0,))
        for episode in store.episodes():
            for step in episode.steps:
                assert len(step.reply.text) == LONGEST_REPLY
                assert len(step.reply.reasoning or "") == LONGEST_REASONING
                assert step.reply.usage is not None
                assert step.reply.usage.finish == "other"
            assert len(episode.detail or "") <= LONGEST_ERROR
    assert (tmp_path / FILE_NAME).stat().st_size < 3_000_000


def test_a_reply_is_taken_in_once() -> None:
    long = Reply("y" * 200_000, error="e" * 5_000, reasoning="z" * 2_000_000)
    assert taken_in(taken_in(long, ()), ()) == taken_in(long, ())
    short = Reply("<action>up</action>")
    assert taken_in(short, ()) is short


def test_a_key_goes_no_further_than_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_API_KEY", "sk-0123456789abcdefghij")
    leak = Answers(Reply(f"<action>up</action>{os.environ['ARENA_API_KEY']} S K-0 123456789ABCDEFGHIJ"))
    (episode,) = play([Match(LAKE, 3, seated(LAKE, ("a",)))], {"a": leak})
    assert episode.steps[0].reply.text == "<action>up</action>[key] [key]"


def test_an_observation_is_bounded() -> None:
    class Endless:
        def __init__(self) -> None:
            self._env = LAKE.make_env()

        def __getattr__(self, name: str) -> object:
            return getattr(self._env, name)

        def last(self, observe: bool = True) -> object:
            view, *rest = self._env.last(observe=observe)
            return ({**view, "text": "x" * (LONGEST_OBSERVATION + 1)} if view else view, *rest)

    from dataclasses import replace

    game = replace(LAKE, make_env=Endless)
    (episode,) = play([Match(game, 3, ("a",))], {"a": RandomAgent()}, MatchConfig())
    assert episode.end == "game_error"
    assert "characters" in (episode.detail or "")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    fill(tmp_path / "run", ["frozen-lake"], {"a": RandomAgent(), "b": RandomAgent()}, 2)
    return tmp_path / "run"


@pytest.mark.parametrize("cost", [1.7e308, 1e300, 0.5])
def test_stored_counts_of_any_size_can_be_shown(run: Path, cost: float) -> None:
    """Earlier programs stored what a server said."""
    with closing(sqlite3.connect(run / FILE_NAME)) as connection:
        for position in range(6):
            connection.execute(
                "INSERT INTO usages VALUES (1, ?, 0, ?, ?, ?, ?, ?, 'stop', NULL)",
                (position, 2**63 - 1, 2**63 - 1, 2**53 - 1, cost, 2**62),
            )
        connection.commit()
    for shown in ("rich", "json", "csv", "md", "svg"):
        assert arena("leaderboard", run, "--format", shown).exit_code == 0
    (spent,) = json.loads(arena("leaderboard", run, "--format", "json").stdout)["replies"]
    assert all(spent[name] >= 2**53 for name in COUNTS[:2])
    assert arena("report", run).exit_code == 0


@pytest.mark.parametrize(
    ("kind", "settings", "name"),
    [
        (DqnConfig, {"capacity": 1e12}, "capacity"),
        (DqnConfig, {"hidden": 30_000}, "hidden"),
        (DqnConfig, {"steps": 10**400}, "steps"),
        (MsgrpoConfig, {"agent": "nano", "max_new_tokens": 10**9}, "max_new_tokens"),
        (MsgrpoConfig, {"agent": "nano", "beta": float("nan")}, "beta"),
        (MsgrpoConfig, {"agent": "n" * 10_000}, "agent"),
    ],
)
def test_settings_have_ranges(kind: type[DqnConfig], settings: dict[str, object], name: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        resolve(kind, {"game": "snake", **settings})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_network_too_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    card = {
        "kind": "dqn",
        "game": "snake",
        "planes": [6, 7, 7],
        "actions": ["a"],
        "radius": 500,
        "hidden": 8000,
    }
    (tmp_path / "agent.json").write_text(json.dumps(card))
    with pytest.raises(UsageError, match=r"more than .* parameters"):
        DqnPolicy.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"r": 10**9}, {"target_modules": "(a+)+$"}, {"layer_replication": [[0, 10**9]]}, {"peft_type": "IA3"}],
)
def test_an_adapter_is_checked_before_it_is_made(tmp_path: Path, change: dict[str, object]) -> None:
    card = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(card))
    assert read_adapter(tmp_path).r == 8
    (tmp_path / "adapter_config.json").write_text(json.dumps(card | change))
    with pytest.raises(UsageError, match=min(change)):
        read_adapter(tmp_path)


READERS = {"read_bytes", "read_text", "read_json", "read_model", "open_regular", "check_regular"}


def test_what_is_read_is_limited_in_one_place() -> None:
    """Every limit that a reader of files is given comes from `arena_agents.limits`, by its name."""
    named = set()
    for package in ("arena", "agents"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            imported = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module == "arena_agents.limits"
                for alias in node.names
            }
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                if getattr(call.func, "id", None) in READERS:
                    for limit in ast.walk(ast.Tuple(call.args[1:])):
                        if isinstance(limit, ast.Constant):
                            assert not isinstance(limit.value, int), (path, ast.unparse(call))
                        elif isinstance(limit, ast.Name) and limit.id.startswith(
                            ("LARGEST", "LONGEST", "MOST")
                        ):
                            assert limit.id in imported, (path, ast.unparse(call))
                            named.add(limit.id)
    assert {"LARGEST_SEAL", "LARGEST_TABLE", "LARGEST_LEDGER"} <= named


def test_too_many_matches_are_one_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = line(arena("tournament", "--agents", "random,search", "--matches", 100_000_000, "--out", out))
    assert f"at most {MOST_MATCHES:,} are played" in said
    assert not out.exists()
    assert "episodes" in line(arena("eval", "random", "--episodes", 100_000_000))
