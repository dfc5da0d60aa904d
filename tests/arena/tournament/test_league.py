"""A population trained in turns, and how a league is looked at."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from arena.cli.app import app
from arena.record.league import LeagueTable
from arena.record.store import Store
from arena.tournament.league import Turn, hold_league, next_turn
from arena.training.options import TrainOptions
from arena.views.league import colour, payoff_text, ratings_text
from arena_games.base import UsageError
from tests.arena import my_games
from tests.arena.training.test_options import TINY, SeenEnoughError, metrics

PAIR = f"{my_games.__file__}:PAIR"
SETTINGS = [*TINY, "baseline=seat_ema", "league_every=1", "league_seeds=2", "league_rated=2"]
AGENTS = {"random", *(f"{member}-{step:06d}" for member in "ab" for step in range(3))}


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 12))
def test_turns_go_round_until_all_are_done(members: int, every: int, steps: int) -> None:
    done, turns = [0] * members, []
    while turn := next_turn(done, every, steps):
        turns.append(turn.member)
        done[turn.member] = turn.until
    assert done == [steps] * members
    assert turns == [member for _ in range(-(-steps // every)) for member in range(members)]


def test_a_turn_that_was_cut_is_gone_on_with() -> None:
    assert next_turn([10, 13, 10], 10, 20) == Turn(0, 20)
    assert next_turn([20, 13, 10], 10, 20) == Turn(1, 20)


def options(folder: Path, **more: Any) -> TrainOptions:
    return TrainOptions(PAIR, "nano", out=folder, seed=0, settings=SETTINGS, **more)


class Heard:
    """Keeps the titles and the notes."""

    said: ClassVar[list[str]] = []

    def __init__(self, title: str, done: int, steps: int) -> None:
        self.said.append(f"{title} {done}/{steps}")

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, step: int, row: Any) -> None: ...

    def note(self, text: str) -> None:
        self.said.append(text)

    def ended(self, run: Any) -> None: ...


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hold_league(options(tmp_path_factory.mktemp("league") / "run"), 2, show=Heard)


def test_it_is_said_whose_turn_it_is(league: Path) -> None:
    turns = [text for text in Heard.said if "turn, " in text]
    assert turns == [f"{name}'s turn, updates {step} to {step} of 2" for step in (1, 2) for name in "ab"]
    titles = [text.partition(":")[0] for text in Heard.said if text.endswith("/2")]
    assert titles == ["a", "b", "a", "b"]


def matches(run: Path) -> dict[str, tuple[int, ...]]:
    with Store.read(run) as store:
        return {one.id: one.placements for one in store.summaries()}


def test_members_meet_each_other_and_are_rated_together(league: Path) -> None:
    rows = {name: metrics(league / "members" / name) for name in "ab"}
    assert "payoff/a-000001" in rows["b"][1]  # who came before has had its turn
    assert "payoff/b-000001" not in rows["a"][1]
    assert "payoff/b-000001" in rows["a"][2]
    configs = [json.loads((league / "members" / name / "config.json").read_text()) for name in "ab"]
    assert configs[0]["seed"] == 0 != configs[1]["seed"]
    assert {row.agent for row in LeagueTable.read(league).board.overall} == AGENTS
    assert (league / "best" / "agent.json").is_file()


def test_a_member_that_begins_leaves_the_others_matches(league: Path) -> None:
    """Every version has met `random` as it entered: two seeds, two seats."""
    with Store.read(league) as store:
        met = Counter(frozenset(result.players) for result in store.results())
    assert {name: met[frozenset((name, "random"))] for name in AGENTS - {"random"}} == dict.fromkeys(
        AGENTS - {"random"}, 4
    )


@pytest.mark.parametrize("at", [2, 5])
def test_a_population_goes_on_after_an_interruption_as_if_undisturbed(
    league: Path, tmp_path: Path, at: int
) -> None:
    rows = Counter[str]()

    def stop(row: dict[str, Any]) -> None:
        rows["all"] += 1
        if rows["all"] == at:
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        hold_league(options(tmp_path / "cut"), 2, on_step=stop)
    cut = hold_league(TrainOptions(resume=tmp_path / "cut", trust=True))
    assert matches(cut) == matches(league)
    for name in "ab":
        assert metrics(cut / "members" / name) == metrics(league / "members" / name)
    file = "best/model.safetensors"
    assert (cut / file).read_bytes() == (league / file).read_bytes()


def test_who_cannot_be_a_population_is_told(league: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 26"):
        hold_league(options(tmp_path / "run"), 27)
    with pytest.raises(UsageError, match="not empty"):
        hold_league(options(league), 2)
    with pytest.raises(UsageError, match="population of 2"):
        hold_league(TrainOptions(resume=league), 3)
    with pytest.raises(UsageError, match="which game"):
        hold_league(TrainOptions(agent="nano", out=tmp_path / "run"), 2)
    assert not (tmp_path / "run").exists()


# How it is looked at.


def arena(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_matrix_is_that_of_the_matches(league: Path, tmp_path: Path) -> None:
    found = json.loads(arena("payoff", league, "--json", "--svg", tmp_path / "p.svg"))
    agents, shares = found["agents"], found["shares"]
    assert set(agents) == AGENTS
    assert agents[0] == "random"
    assert agents[1:3] == ["a-000000", "b-000000"]
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            assert share is None or share + shares[j][i] == pytest.approx(1)
    shown = "".join(ElementTree.parse(tmp_path / "p.svg").getroot().itertext())
    assert "a-000002" in shown or (tmp_path / "p.svg").read_text().count("<use") > 20


def test_the_curve_has_every_version_with_its_interval(league: Path, tmp_path: Path) -> None:
    found = json.loads(arena("curves", league, "--metric", "rating", "--json", "--svg", tmp_path / "r.svg"))
    points = found["runs"][str(league)]
    assert {(point["member"], point["step"]) for point in points} == {(m, s) for m in "ab" for s in range(3)}
    assert all(point["ci95"][0] < point["rating"] < point["ci95"][1] for point in points)
    ElementTree.parse(tmp_path / "r.svg")
    assert "b-000002" in arena("curves", league, "--metric", "rating")
    assert "a-000001" in arena("leaderboard", league)


def test_the_newest_matches_are_watched(league: Path) -> None:
    shown = arena("watch", league, "--plain", "--latest", 2, "--trust")
    assert shown.count("--- end") == 2
    assert "b-000002" in shown


def test_a_narrow_terminal_shows_columns_that_fit(league: Path) -> None:
    console = Console(width=40, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    table = LeagueTable.read(league)
    console.print(payoff_text(table, 40))
    console.print(ratings_text(table, ascii_only=True))
    assert max(map(len, console.export_text().splitlines())) <= 40
    assert (colour(0.5), colour(1.0)[0] > colour(1.0)[2], colour(0.0)[2] > colour(0.0)[0]) == (
        (255, 255, 255),
        True,
        True,
    )


def test_what_has_no_league_is_told(tmp_path: Path) -> None:
    for command in (["payoff"], ["watch"], ["curves", "--metric", "rating"]):
        done = CliRunner().invoke(app, [command[0], str(tmp_path), *command[1:]])
        assert done.exit_code == 2
    assert CliRunner().invoke(app, ["watch", "snake-duel"]).exit_code == 2
