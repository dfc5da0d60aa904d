"""What a study finds in stored outcomes, which are simulated here; the numbers beside plain loops."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from arena.study.analyse import analyse
from arena.study.config import parse_study
from arena.study.outcomes import Outcomes
from arena.study.plan import Cell, Plan, make_plan
from arena.study.result import StudyResult
from arena.study.tables import episodes_to, learned_from
from arena.study.worker import Job
from arena.views.study.page import page
from arena.views.study.pictures import curves_svg
from arena.views.study.rows import tables
from arena.views.study.show import show_tables, write_study
from arena.views.study.texts import latex, markdown, scores_csv

EPISODES = 300
STUDY = f"""
title = "simulated <b>"
seeds = 4
[base]
game = "snake"
agent = "nano"
[factors.arm]
good = {{ keep = 0.5 }}
"=bad|" = {{ keep = 1.0 }}
[evaluation]
episodes = {EPISODES}
[[claims]]
says = "good is better"
first = {{ arm = "good" }}
second = {{ arm = "=bad|" }}
holds = "more"
[[claims]]
says = "bad is as good"
first = {{ arm = "=bad|" }}
second = {{ arm = "good" }}
holds = "not less"
margin = 0.02
[[claims]]
says = "good beats its base in two ways"
first = {{ arm = "good" }}
second = {{ policy = "base", arm = "good" }}
holds = "more"
[[claims]]
says = "good beats its base in two ways"
first = {{ arm = "good", decoding = "greedy" }}
second = {{ policy = "base", arm = "good", decoding = "greedy" }}
holds = "more"
[[claims]]
says = "training helps to eat"
metric = "apples"
first = {{ arm = "good" }}
second = {{ policy = "base", arm = "good" }}
holds = "more"
[[claims]]
says = "good is sooner"
metric = "episodes_to:0.4"
first = {{ arm = "good" }}
second = {{ arm = "=bad|" }}
holds = "less"
[[claims]]
says = "it varies"
statistic = "spread"
value = 0.2
first = {{ arm = "good" }}
holds = "more"
[[claims]]
says = "it beats a larger model"
first = {{ arm = "good" }}
second = {{ reference = "larger" }}
holds = "more"
"""
SUCCESS = {"good": 0.9, "=bad|": 0.6}


def simulated(tmp_path: Path, *, left_out: int | None = None) -> Plan:
    """The study's plan, its cells stored with successes of these chances; one cell may be left out."""
    plan = make_plan("simulated", parse_study(STUDY, "simulated"))
    rng = np.random.default_rng(0)
    for arm in plan.arms:
        assert arm.base is not None
        store(plan, arm.base, tmp_path, 0.4, rng)
        for seed, cell in arm.cells.items():
            if (arm.name, seed) != ("good", left_out):
                store(plan, cell, tmp_path, SUCCESS[arm.name], rng)
                trained(cell, tmp_path, SUCCESS[arm.name], seed)
    return plan


def store(plan: Plan, cell: Cell, out: Path, chance: float, rng: np.random.Generator) -> None:
    """Who lives has eaten three apples, who dies two and lost one point."""
    for asked in Job.of(cell, plan.study.evaluation).asked():
        lives = (rng.random(EPISODES) < chance).tolist()
        outcomes = Outcomes(
            game=asked.game.name,
            version=asked.game.version,
            seed=asked.seed,
            decoding=asked.decoding,
            returns=tuple(3.0 if alive else 1.0 for alive in lives),
            successes=tuple(lives),
            decisions=(20,) * EPISODES,
            invalid=(1,) * EPISODES,
            counts=(True,) * EPISODES,
        )
        path = asked.path(cell.folder(out))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(outcomes.model_dump_json())


def trained(cell: Cell, out: Path, chance: float, seed: int) -> None:
    run = cell.folder(out) / "run"
    (run / "last").mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "step": step,
            "episodes": 64 * step,
            "kept_episodes": 30 + seed if step else 0,
            "rollbacks": int(step >= 3),
        }
        | ({"eval/success": chance * step / 4, "eval/return": step} if step % 2 == 0 else {})
        for step in range(5)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def result(tmp_path: Path) -> StudyResult:
    return analyse(simulated(tmp_path), tmp_path)


def test_claims_are_decided_by_their_rules(result: StudyResult) -> None:
    verdicts = [(claim.says, claim.verdict) for claim in result.claims]
    assert verdicts == [
        ("good is better", "supported"),
        ("bad is as good", "not supported"),
        ("good beats its base in two ways", "supported"),
        ("good beats its base in two ways", "supported"),
        ("training helps to eat", "supported"),
        ("good is sooner", "supported"),
        ("it varies", "not supported"),
        ("it beats a larger model", "not asked"),
    ]
    better, _, _, _, apples, sooner, spread, larger = result.claims
    assert better.value == pytest.approx(0.3, abs=0.05)
    assert better.ci95 is not None
    assert better.ci95[0] < 0.3 < better.ci95[1]
    assert (better.seeds, better.episodes) == (4, EPISODES)
    assert apples.value == pytest.approx(0.5, abs=0.05)  # half of the points: the rest is deaths
    assert sooner.first == "good"
    assert spread.value is not None
    assert spread.value < 0.2
    assert "--reference larger=" in larger.note


def test_the_terminal_shows_each_claim_once_and_breaks_no_word_that_fits(result: StudyResult) -> None:
    console = Console(width=120, file=StringIO())
    show_tables(result, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("good beats its base in two ways") == 1
    words = {
        word for table in tables(result)[1:] for row in table.rows for cell in row for word in cell.split()
    }
    assert words <= set(shown.split())
    narrow = Console(width=60, file=StringIO())
    show_tables(result, narrow)
    assert max(map(len, narrow.file.getvalue().splitlines())) <= 60  # type: ignore[attr-defined]


def test_a_spread_is_told_as_one_and_not_as_a_difference(result: StudyResult) -> None:
    (varies,) = (row for row in tables(result)[0].rows if row[0] == "it varies")
    assert varies[2] == "good, success, standard deviation over trainings > 0.2"
    assert not any("+" in cell for cell in varies[3:5])


def test_a_difference_is_that_of_plain_loops(tmp_path: Path) -> None:
    plan = simulated(tmp_path)
    claim = analyse(plan, tmp_path).claims[0]
    good, bad = plan.arms
    differences = []
    for seed in range(4):
        columns = []
        for arm in (good, bad):
            path = arm.cells[seed].folder(tmp_path) / "outcomes" / "best@snake@sampled.json"
            columns.append(json.loads(path.read_text())["successes"])
        differences += [int(one) - int(other) for one, other in zip(*columns, strict=True)]
    assert claim.value == pytest.approx(sum(differences) / len(differences))


def test_a_missing_cell_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    plan = simulated(tmp_path, left_out=2)
    key = plan.arms[0].cells[2].key
    result = analyse(plan, tmp_path, {key: "UsageError: no such luck"})
    assert result.claims[0].seeds == 3  # those that both arms have
    assert result.claims[0].verdict == "supported"
    (state,) = [cell for cell in result.cells if not cell.done]
    assert (state.name, state.seed, state.error) == ("good", 2, "UsageError: no such luck")
    assert "failed: UsageError: no such luck" in markdown(result)


def test_nothing_at_all_decides_nothing(tmp_path: Path) -> None:
    plan = make_plan("simulated", parse_study(STUDY, "simulated"))
    result = analyse(plan, tmp_path)
    assert {claim.verdict for claim in result.claims} == {"open", "not asked"}
    assert not result.scores
    assert not result.curves


def test_curves_have_a_band_and_count_the_episodes_learned_from(result: StudyResult) -> None:
    curve = next(curve for curve in result.curves if curve.metric == "success" and curve.name == "good")
    assert curve.steps == (0, 2, 4)
    assert curve.mean == pytest.approx((0, 0.45, 0.9))
    assert curve.learned_from == (0, 63, 126)  # of seeds 0 to 3: 30 to 33 an update
    assert [cell.rollbacks for cell in result.cells if cell.name == "good"] == [(3,)] * 4
    assert [cell.best_step for cell in result.cells if cell.name == "good"] == [4] * 4


def test_time_to_a_threshold() -> None:
    rows = [
        {"step": 0, "eval/success": 0.1},
        {"step": 1, "kept_episodes": 10},
        {"step": 2, "kept_episodes": None, "eval/success": 0.7},
        {"step": 3, "kept_episodes": 5, "eval/success": 0.6},
    ]
    assert [episodes_to(rows, share) for share in (0.1, 0.5, 0.9)] == [0, 10, 15]
    assert learned_from([{"episodes": 3}, {"episodes": 6}]) == [3, 6]


def test_it_is_written_alike_twice_and_names_are_harmless(tmp_path: Path) -> None:
    plan = simulated(tmp_path / "cells")
    for folder in ("one", "two"):
        write_study(analyse(plan, tmp_path / "cells"), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {"study.json", "study.md", "study.tex", "study.csv", "study.html"} < set(names)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    read = StudyResult.model_validate_json((tmp_path / "one" / "study.json").read_text())
    assert "<b>" not in page(read).replace("&lt;b&gt;", "")
    assert "\\=bad" not in latex(read)
    assert "=bad\\|" in markdown(read)
    assert "\n'=bad|," in scores_csv(read)
    assert curves_svg(read) is not None
    assert next(table.title for table in tables(read)) == "Claims"
