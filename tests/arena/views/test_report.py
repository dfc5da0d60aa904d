"""What goes into the report's page, apart from how a browser shows it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.record.store import Store
from arena.untrusted import escaped_name, escaped_text, json_in_html
from arena.views.curves import learning_curves
from arena.views.page.data import RunData, read_run
from arena.views.page.facts import summary
from arena.views.page.matrix import duel_matrix, transfer_matrix
from arena.views.page.page import render, write_report
from arena.views.page.plots import curve_plot, interval_plot
from arena.views.page.replays import LONGEST, archive
from arena.views.page.selection import LINE_UPS, selected
from arena_agents.random import RandomAgent
from arena_leaderboard import Duels, standings
from tests.arena import players
from tests.arena.record.test_notable import PLAIN
from tests.arena.views import report_runs

ANY_TEXT = st.text(st.characters(codec=None))  # lone surrogates too


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_runs.plain_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def data(run: Path) -> RunData:
    return read_run(run)


@pytest.fixture(scope="module")
def page(data: RunData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_runs.hostile_run(tmp_path_factory.mktemp("hostile"))


def test_the_command_writes_one_file_and_says_where(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "a.html"
    done = CliRunner().invoke(cli.app, ["report", str(run), "-o", str(page)])
    assert done.exit_code == 0, done.output
    assert str(page) in done.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["a.html"]


def test_without_a_tournament_the_command_says_how_to_get_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path)])
    assert done.exit_code == 2
    assert "arena tournament" in done.output
    assert list(tmp_path.iterdir()) == []


def test_the_same_run_gives_the_same_page(run: Path, page: str) -> None:
    assert render(read_run(run)) == page


def test_a_run_without_matches_has_a_page(tmp_path: Path) -> None:
    with Store.open(tmp_path, {"games": {}, "agents": {}}, {}):
        write_report(tmp_path, tmp_path / "report.html")
    assert "No matches yet" in (tmp_path / "report.html").read_text()


def test_a_run_that_is_being_played_has_a_page(tmp_path: Path) -> None:
    report_runs.fill(tmp_path, ["frozen-lake"], {"a": RandomAgent(), "b": players.First()}, matches=2)
    with Store.read(tmp_path) as store:
        config, environment = store.meta("config"), store.meta("environment")
    with Store.open(tmp_path, config, environment):
        assert read_run(tmp_path).matches == 4


def test_the_policy_names_exactly_what_the_page_holds(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src &#39;none&#39;;")
    assert "unsafe" not in policy
    parts = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts}
    assert hashes == set(re.findall(r"sha256-([^&]+)&#39;", policy))
    assert len(hashes) == 4
    assert not re.search(r'\son\w+=|\sstyle=|javascript:|src="|href="https?:', page)


def test_a_hostile_page_is_ascii_armoured_where_it_must_be(hostile: Path, tmp_path: Path) -> None:
    size = write_report(hostile, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert size < 1_000_000, "a megabyte of reply was cut"
    assert report_runs.ATTACK in page
    assert len(re.findall(r"<script\b", page)) == 4
    assert "<img" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", page)


@given(st.dictionaries(ANY_TEXT, st.lists(ANY_TEXT) | st.floats(allow_nan=False, allow_infinity=False)))
def test_embedded_json_cannot_be_left_and_reads_back(value: dict[str, object]) -> None:
    text = json_in_html(value)
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


@given(ANY_TEXT)
def test_spelled_out_text_prints_and_can_be_written(text: str) -> None:
    spelled = escaped_text(text)
    spelled.encode("utf-8")
    assert all(char.isprintable() or char in "\n\t" for char in spelled)
    assert (spelled == text) == all(char.isprintable() or char in "\n\t" for char in text)


def test_plots_are_inert_and_follow_the_page(hostile: Path) -> None:
    found = read_run(hostile)
    for svg in (
        interval_plot(found.board.overall, key="a", title="Ratings", width=330),
        interval_plot(found.board.overall, key="b", title="Ratings", width=860),
        curve_plot(found.curves, key="c", width=330),
    ):
        root = ElementTree.fromstring(svg)
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "style", "image", "foreignObject", "a", "metadata"}
        attributes = [pair for element in root.iter() for pair in element.attrib.items()]
        assert not [name for name, _ in attributes if name == "style" or name.startswith("on")]
        colours = {value for name, value in attributes if name in ("fill", "stroke")}
        assert all(colour == "none" or colour.startswith("var(--") for colour in colours), colours
        written = "".join(element.text or "" for element in root.iter() if element.tag.endswith("text"))
        assert "<script>" in written
        assert "$x^2$" in written, "not read as a formula"
        assert root.attrib["role"] == "img"
        assert escaped_name(report_runs.HOSTILE_NAMES[0]) in root.attrib["aria-label"]


def test_plots_keep_every_agent_and_its_numbers_in_words(data: RunData) -> None:
    rows = data.board.overall
    label = ElementTree.fromstring(interval_plot(rows, key="a", title="T", width=860)).attrib["aria-label"]
    for standing in rows:
        rating = standing.rating
        assert rating is not None
        assert f"{standing.agent} {rating.mean:.0f}, from {rating.low:.0f} to {rating.high:.0f}" in label


def test_archived_matches_read_back_as_they_were_stored(run: Path) -> None:
    with Store.read(run) as store:
        wanted = selected(store.summaries())
        archived = archive(wanted, store.episode)
        for match in archived["matches"]:
            episode = store.episode(match["number"])
            assert episode is not None
            assert len(match["frames"]) == len(episode.steps) + 1
            for frame, step in zip(match["frames"], episode.steps, strict=False):
                assert "\n".join(archived["lines"][n] for n in frame["text"]) == step.observation.text
                assert "\n".join(archived["lines"][n] for n in frame["reply"]) == step.reply.text
                assert (frame["seat"], frame["reward"]) == (step.seat, step.reward)
                assert (frame["invalid"] is None) == (step.invalid is None)
            assert match["frames"][-1]["returns"] == episode.returns
            assert match["frames"][-1]["text"], "the position after the last move was played again"
    assert len(archived["matches"]) == len(wanted)
    assert len(archived["lines"]) == len(set(archived["lines"]))


def test_a_board_is_carried_as_the_game_draws_it(data: RunData) -> None:
    replays = data.replays
    frame = next(match for match in replays["matches"] if match["game"] == "frozen-lake")["frames"][0]
    board = replays["boards"][frame["board"]]
    symbols = [[replays["cells"][cell][0] for cell in row] for row in board["rows"]]
    assert len(symbols) == 4
    assert symbols[0][0] == "P"
    assert symbols[3][3] == "G"


def test_long_texts_are_cut_and_the_budget_holds(tmp_path: Path) -> None:
    report_runs.fill(
        tmp_path, ["snake-royale"], {"a": players.Says("é" * 50_000), "b": RandomAgent()}, matches=1
    )
    with Store.read(tmp_path) as store:
        wanted = selected(store.summaries())
        archived = archive(wanted * 20, store.episode, budget=300_000)
    assert max(map(len, archived["lines"])) == LONGEST
    assert "… 50,000 characters, the first 4,000 are shown" in archived["lines"]
    assert 1 < len(archived["matches"]) < 20 * len(wanted)
    assert len(json_in_html(archived)) < 300_000


def test_the_notable_come_first_and_all_agents_from_the_same_start() -> None:
    alone = replace(PLAIN, game="alone", players=("x",), open_seats=(0,), returns=(1.0,), placements=(1,))
    matches = [
        replace(alone, number=n, id=f"{n:02}", seed=n % 2, players=(f"agent {n // 2}",), decisions=n)
        for n in range(1, 13)
    ]
    found = selected(matches)
    assert [entry.why for entry in found[:1]] == ["longest"]
    assert found[0].match.number == 12
    rest = [entry.match for entry in found[1:]]
    assert {match.seed for match in rest} == {0}
    assert {found[0].match.players, *(match.players for match in rest)} == {
        match.players for match in matches[1:]
    }
    assert len({entry.match.number for entry in found}) == len(found)


@given(st.integers(1, 40), st.integers(1, 5))
def test_the_choice_is_bounded(agents: int, seeds: int) -> None:
    matches = [
        replace(PLAIN, number=1 + n, id=str(n), seed=n % seeds, players=(f"a{n}", f"b{n}"))
        for n in range(agents)
    ]
    assert len(selected(matches)) <= LINE_UPS + 4


def test_curves_pass_over_what_cannot_be_read(tmp_path: Path) -> None:
    report_runs.training(tmp_path, "b", "nano", "snake", [1.0, 3.0, 2.0])
    half = report_runs.training(tmp_path, "a", "dqn", "snake", [1.0, float("nan")])
    with (half / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "episo')
    (report_runs.training(tmp_path, "c", "x", "y", [1.0]) / "config.json").write_text("[]")
    (report_runs.training(tmp_path, "d", "x", "y", [1.0]) / "metrics.jsonl").write_text("nonsense\n")
    (report_runs.training(tmp_path, "e", "x", "y", [1.0]) / "metrics.jsonl").unlink()
    first, second = learning_curves(tmp_path)
    assert (first.name, first.held_out) == ("a", ((0, 1.0),))
    assert (second.name, second.episodes, second.milestones) == ("b", 128, (1.0, 3.0, 2.0))


def test_duels_are_percentages_tinted_from_behind_to_ahead() -> None:
    duels = Duels(
        ((None, 0.9, None), (0.1, None, 0.5), (None, 0.5, None)), ((0, 10, 0), (10, 0, 4), (0, 4, 0))
    )
    matrix = duel_matrix(["a", "b", "c"], duels)
    assert [[cell.text for cell in row] for row in matrix.entries] == [
        ["", "90", "–"],
        ["10", "", "50"],
        ["–", "50", ""],
    ]
    assert [[cell.tint for cell in row] for row in matrix.entries] == [[0, 4, 0], [-4, 0, 0], [0, 0, 0]]
    assert matrix.entries[0][1].words == "a finished ahead of b in 90.0% of 10 meetings"


def test_transfer_shows_the_trained_and_what_they_were_trained_from(run: Path) -> None:
    with Store.read(run) as store:
        board = standings(store.results())
    agents = {
        "random": "random",
        "first": "nano",
        "mute": "nano+snake",
        "seeded": "dqn",
        "x": "nano+no-such-game",
    }
    matrix = transfer_matrix(board, agents)
    assert matrix is not None
    assert matrix.rows == ("first", "mute", "seeded")
    assert matrix.columns == ("frozen-lake", "frozen-lake-slippery", "snake", "snake-duel")
    assert [[cell.marked for cell in row] for row in matrix.entries] == [
        [False] * 4,
        [False, False, True, False],
        [True] * 4,
    ]
    lowest = min(standing.mean_return or 0.0 for standing in board.games["snake"])
    for row, agent in zip(matrix.entries, matrix.rows, strict=True):
        mean = next(standing.mean_return for standing in board.games["snake"] if standing.agent == agent)
        assert mean is not None
        assert row[2].text == f"{mean:.2f}".replace("-", "−")
        assert (row[2].tint == -5) == (mean == lowest)
    assert transfer_matrix(board, {"random": "random"}) is None


def test_the_finding_names_a_tie(data: RunData) -> None:
    board = data.board
    leader, *others = board.overall
    tied = [standing for standing in others if standing.separated is False]
    assert summary(board).startswith(leader.agent)
    first_is_tied = bool(others) and others[0] in tied
    assert ("cannot be told apart" in summary(board)) == first_is_tied
    assert summary(replace(board, overall=())) == "No match has been rated yet."


def test_the_page_of_many_matches_stays_small(tmp_path: Path) -> None:
    agents = {f"agent-{n}": RandomAgent() for n in range(6)}
    games = ("frozen-lake", "frozen-lake-slippery", "snake", "snake-poison", "snake-duel", "snake-royale")
    report_runs.fill(tmp_path, games, agents, matches=10)
    assert write_report(tmp_path, tmp_path / "report.html") < 1_500_000


def test_the_leaderboard_as_a_picture_fetches_nothing(hostile: Path) -> None:
    done = CliRunner().invoke(cli.app, ["leaderboard", str(hostile), "--format", "svg"])
    assert done.exit_code == 0, done.output
    root = ElementTree.fromstring(done.stdout)
    assert "</script>" in "".join(root.itertext())
    assert not re.search(r"url\((?!#)|@import|<script|<image|href=", done.stdout)
