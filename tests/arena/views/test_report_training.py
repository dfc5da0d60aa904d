"""The report's page of a training, apart from how a browser shows it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.record.store import FILE_NAME
from arena.views.page.page import write_report
from arena.views.page.training import read_training
from arena.views.page.training_page import render_training, settings_of_run
from arena.views.page.training_plots import MOST_POINTS, lines_plot, progress_plot, thinned
from arena_games.base import UsageError
from arena_leaderboard import share_ci95
from tests.arena.views import report_runs, training_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_runs.msgrpo_run(tmp_path_factory.mktemp("training") / "run")


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return render_training(read_training(run))


def test_the_command_writes_a_trainings_page(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["report", str(run), "-o", str(tmp_path / "a.html")])
    assert done.exit_code == 0, done.output
    assert "<h1>nano on snake</h1>" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_the_same_training_gives_the_same_page(run: Path, page: str) -> None:
    assert render_training(read_training(run)) == page


def test_it_tells_what_was_trained_for_how_long_and_what_came_of_it(page: str) -> None:
    words = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", page)))
    for said in ("msgrpo algorithm", "0 seed", "20 steps", "480 episodes", "30 s of training"):
        assert said in words
    low, high = share_ci95(40, 40)
    assert f"returns 3.00 and succeeds in 100 % ({100 * low:.0f} – {100 * high:.0f} % at 95 %)" in words
    assert "It stepped back once after a collapse." in words


def test_looks_have_wilsons_interval_and_their_marks(run: Path) -> None:
    looks = read_training(run).looks
    assert [look.step for look in looks] == list(training_runs.LOOKS)
    assert [look.success_ci95 for look in looks] == [share_ci95(part, 40) for part in (0, 10, 20, 0, 40)]
    assert [look.step for look in looks if look.best] == [20]
    assert [look.step for look in looks if look.stepped_back] == [training_runs.COLLAPSE]


def test_panels_show_what_was_logged_and_nothing_else(page: str) -> None:
    titles = re.findall(r"<article><h3>([^<]+)</h3><div", page)
    assert {"KL to the policy sampled from", "Share of tokens clipped", "Tokens a second"} <= set(titles)
    assert "Seconds a step, by phase" in titles
    assert not {"Loss", "Mean Q", "KL to the policy it began as"} & set(titles)


def test_settings_that_differ_come_first_then_all(run: Path, page: str) -> None:
    settings = settings_of_run(read_training(run))
    differing = {row.name: (row.value, row.default) for row in settings if row.differs}
    assert differing == {
        "game": ("snake", None),
        "agent": ("nano", None),
        "steps": ("20", "200"),
        "eval_episodes": ("40", "50"),
        "groups": ("3", "8"),
    }
    at = page.index("<summary>All settings")
    assert page.index(">groups</th>") < at < page.index(">group_size</th>")


@pytest.mark.parametrize("make", [training_runs.dqn_run, training_runs.sft_run])
def test_other_trainings_have_pages_too(make: object, tmp_path: Path) -> None:
    assert callable(make)
    page = render_training(read_training(make(tmp_path / "run")))
    assert "<h3>Loss</h3>" in page
    assert "held-out" in page
    assert '<th scope="row">teacher</th>' in page or "ε of exploration" in page


def test_the_policy_names_exactly_what_the_page_holds(page: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    parts = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts}
    assert hashes == set(re.findall(r"sha256-([^&]+)&#39;", policy))
    assert not re.search(r'\son\w+=|\sstyle=|javascript:|src="|href="https?:|unsafe', page)


def test_hostile_names_and_numbers_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    data = read_training(training_runs.hostile_training(tmp_path / "run"))
    page = render_training(data)
    assert html.escape(report_runs.HOSTILE_NAMES[0]) in page
    assert len(re.findall(r"<script\b", page)) == 3, "the replays' data, and two of the package's own"
    assert "<img" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", page)
    assert data.looks[-1].step == training_runs.STEPS, "what is out of all measure is none"


def test_the_curve_is_inert_and_says_in_words_where_it_ends(run: Path) -> None:
    root = ElementTree.fromstring(progress_plot(read_training(run), key="a", width=860))
    colours = {
        value for element in root.iter() for name, value in element.items() if name in ("fill", "stroke")
    }
    assert all(colour == "none" or colour.startswith("var(--") for colour in colours), colours
    assert "Held-out return from 0 at step 0 to 3 at step 20" in root.attrib["aria-label"]


@given(st.lists(st.floats(-1e6, 1e6), max_size=4 * MOST_POINTS), st.integers(1, MOST_POINTS))
def test_long_lines_are_drawn_as_means_that_keep_their_end(values: list[float], most: int) -> None:
    points = tuple(enumerate(values))
    drawn = thinned(points, most)
    assert len(drawn) <= most
    assert [step for step, _ in drawn][-1:] == [step for step, _ in points][-1:]
    width = -(-len(points) // most)
    for at, (_, mean) in enumerate(drawn):
        part = values[at * width : (at + 1) * width]
        assert mean == pytest.approx(sum(part) / len(part))


def test_rounding_errors_are_drawn_as_nothing() -> None:
    errors, zeros = ((1, 3e-17), (2, -4e-18)), ((1, 0.0), (2, 0.0))
    assert lines_plot("a", {"b": errors}, key="k") == lines_plot("a", {"b": zeros}, key="k")
    assert lines_plot("a", {"b": ((1, 3e-6), (2, 0.0))}, key="k") != lines_plot("a", {"b": zeros}, key="k")


def test_the_interval_of_a_single_look_is_seen(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = tmp_path / "run" / "metrics.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    seen = next(at for at, row in enumerate(rows) if "eval/success" in row)
    kept = [
        {name: value for name, value in row.items() if at == seen or not name.startswith("eval/")}
        for at, row in enumerate(rows)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    one = read_training(tmp_path / "run")
    assert len(one.points("eval/success")) == 1
    bar = 'stroke-opacity="0.5'  # the interval's, and that of its line in the legend
    assert progress_plot(one, key="k", width=860).count(bar) == 2
    assert bar not in progress_plot(read_training(run), key="k", width=860)


def test_an_empty_or_damaged_training_gives_one_line(tmp_path: Path) -> None:
    run = training_runs.msgrpo_run(tmp_path / "run")
    rows = (run / "metrics.jsonl").read_text()
    for text, said in (("", "measured nothing yet"), ("nonsense\n" + rows, "damaged in line 1")):
        (run / "metrics.jsonl").write_text(text)
        done = CliRunner().invoke(cli.app, ["report", str(run)])
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
        assert not (run / "report.html").exists()
    (run / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json"):
        write_report(run)


def test_a_training_is_shown_where_a_store_of_its_own_matches_lies_beside_it(tmp_path: Path) -> None:
    run = training_runs.msgrpo_run(tmp_path / "run")
    report_runs.fill(tmp_path / "other", ["frozen-lake"], {"a": report_runs.RandomAgent()}, matches=1)
    (run / FILE_NAME).write_bytes((tmp_path / "other" / FILE_NAME).read_bytes())
    write_report(run)
    assert "<h1>nano on snake</h1>" in (run / "report.html").read_text(encoding="utf-8")


def test_a_tournament_beside_another_config_stays_a_tournament(tmp_path: Path) -> None:
    report_runs.fill(tmp_path, ["frozen-lake"], {"a": report_runs.RandomAgent()}, matches=1)
    (tmp_path / "config.json").write_text("{")
    write_report(tmp_path)
    assert "Overall" in (tmp_path / "report.html").read_text(encoding="utf-8")
