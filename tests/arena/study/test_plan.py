"""From a study file to cells: what is asked for, what it is called, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.study.config import STUDIES, load_study, parse_study
from arena.study.options import StudyOptions
from arena.study.plan import Plan, asked_plan, make_plan
from arena_games.base import UsageError

SMALL = """
title = "small"
seeds = 2
[base]
game = "frozen-lake"
agent = "nano"
[base.settings]
steps = 3
[factors]
keep = [0.5, 1.0]
"game_set.horizon" = [8, 12]
[references]
search = "search"
[evaluation]
episodes = 4
games = ["frozen-lake", "snake"]
"""
CLAIM = """
[[claims]]
says = "half is as good"
first = { keep = 0.5, "game_set.horizon" = 8 }
second = { keep = 1.0, "game_set.horizon" = 8 }
holds = "not less"
margin = 0.05
"""


def plan_of(text: str) -> Plan:
    return make_plan("small", parse_study(text, "small"))


def test_each_combination_of_levels_is_an_arm_with_a_training_a_seed() -> None:
    plan = plan_of(SMALL + CLAIM)
    assert [arm.name for arm in plan.arms] == [
        f"keep={keep}, horizon={horizon}" for keep in ("0.5", "1") for horizon in (8, 12)
    ]
    assert [arm.game for arm in plan.arms[:2]] == ["frozen-lake", "frozen-lake(horizon=12)"]
    configs = [cell.config for arm in plan.arms for cell in arm.cells.values()]
    assert [(c["keep"], c["seed"], c["steps"]) for c in configs if c] == [
        (keep, seed, 3) for keep in (0.5, 0.5, 1.0, 1.0) for seed in (0, 1)
    ]
    assert len(plan.cells) == 4 * 2 + 2  # with search and untrained nano
    assert plan.cells[-4].config["seed"] == 1  # type: ignore[index]  # seed by seed


def test_more_seeds_and_levels_leave_the_other_cells_where_they_are() -> None:
    few = {cell.key for cell in plan_of(SMALL).cells}
    more = {cell.key for cell in plan_of(SMALL.replace("seeds = 2", "seeds = 3")).cells}
    wider = {cell.key for cell in plan_of(SMALL.replace("[0.5, 1.0]", "[0.25, 0.5, 1.0]")).cells}
    assert few < more
    assert few < wider
    assert len(more - few) == len(wider - few) == 4


def test_a_changed_setting_is_another_cell_and_the_machines_are_not() -> None:
    def cells(text: str) -> set[str]:
        return {cell.key for cell in plan_of(text).cells if cell.config}

    assert not cells(SMALL) & cells(SMALL.replace("steps = 3", "steps = 4"))
    assert cells(SMALL) == cells(SMALL.replace("steps = 3", "steps = 3\nmicro_tokens = 512"))
    looks = {n: SMALL.replace("steps = 3", f"steps = 3\neval_episodes = {n}") for n in (50, 200)}
    own = {n: text.replace("steps = 3", "steps = 3\nconfirm_episodes = 0") for n, text in looks.items()}
    assert cells(looks[200]) == cells(own[200])  # looks of 200 are not confirmed on more
    assert not cells(looks[50]) & cells(own[50])


def test_a_new_setting_that_changes_nothing_leaves_cells_where_they_are() -> None:
    plan, _ = asked_plan(StudyOptions("paper"))
    keys = [arm.cells[0].key for arm in plan.arms if arm.game == "frozen-lake"]
    assert keys == ["445901b68ee3", "18ffed984d8d", "35ef732221e9"]  # else: name the setting in LATER


def test_levels_by_name_set_several_things_at_once() -> None:
    text = SMALL.replace(
        "keep = [0.5, 1.0]", 'arm = { aaw = {}, all = { keep = 1.0 }, dqn = { agent = "dqn" } }'
    )
    arms = {arm.name: arm for arm in plan_of(text).arms}
    assert arms["dqn, horizon=8"].agent == "dqn"
    assert arms["dqn, horizon=8"].base is None
    assert arms["all, horizon=8"].cells[0].config["keep"] == 1.0  # type: ignore[index]


def test_a_specialist_is_tested_on_its_own_game() -> None:
    text = SMALL.replace("keep = [0.5, 1.0]", 'agent = ["nano", "dqn"]').replace(
        '"game_set.horizon" = [8, 12]', ""
    )
    plays = {arm.agent: arm.cells[0].plays for arm in plan_of(text).arms}
    assert plays == {"nano": ("frozen-lake", "snake"), "dqn": ("frozen-lake",)}
    claim = CLAIM.replace('keep = 0.5, "game_set.horizon" = 8', 'agent = "dqn", on = "snake"')
    claim = claim.replace('keep = 1.0, "game_set.horizon" = 8', 'agent = "nano", on = "snake"')
    with pytest.raises(UsageError, match="is of dqn on snake, which it does not play"):
        plan_of(text + claim)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("keep = [0.5, 1.0]", "kep = [0.5]"), "unknown setting 'kep'; did you mean 'keep'"),
        (("keep = [0.5, 1.0]", "keep = [2.0]"), "bad value 2.0 for keep"),
        (('game = "frozen-lake"\n', 'game = "frozenlake"\n'), "unknown game 'frozenlake'"),
        (("[8, 12]", "[3]"), "set horizon=6 or more"),
        (("seeds = 2", "seeds = 0"), "seeds: input should be greater than or equal to 1"),
        (("title", "titel"), "study small: title: field required"),
        (("keep = 1.0, ", ""), "names 2 arms"),
        (("keep = 1.0, ", "keep = 3.0, "), "names no arm"),
        (("keep = 1.0, ", 'colour = "red", '), "names 'colour', which is no factor"),
        (("margin = 0.05", ""), "needs a margin above 0"),
        (('holds = "not less"', 'holds = "maybe"'), "claims.0.holds"),
        (("says", 'metric = "elegance"\nsays'), "claims.0.metric"),
        (("first = { ", 'first = { on = "snake-poison", '), "which no evaluation plays"),
        (("first = { ", 'first = { decoding = "0.7", '), "wants decoding '0.7', which is not played"),
        (("[base]", "[base"), "cannot read study small"),
    ],
)
def test_what_cannot_be_planned_is_one_line(change: tuple[str, str], said: str) -> None:
    text = (SMALL + CLAIM).replace(*change, 1)
    with pytest.raises(UsageError) as error:
        plan_of(text)
    assert said.lower() in str(error.value).lower()
    assert "\n" not in str(error.value)


def test_an_unknown_study_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no study 'papers'; there are paper, aaw, transfer"):
        load_study("papers")


@pytest.mark.parametrize("name", STUDIES)
def test_our_own_studies_can_be_planned(name: str) -> None:
    plan, out = asked_plan(StudyOptions(name))
    assert out == Path("runs") / f"study-{name}"
    assert plan.study.seeds >= 3
    assert plan.study.evaluation.episodes >= 500
    assert all(cell.config is None or cell.config["eval_episodes"] >= 200 for cell in plan.cells)
    assert plan.study.claims


def test_options_change_agent_seeds_episodes_and_references() -> None:
    plan, _ = asked_plan(StudyOptions("aaw", seeds=7, episodes=600, references={"larger": "random"}))
    assert (plan.study.seeds, plan.study.evaluation.episodes) == (7, 600)
    assert plan.references["larger"].agent == "random"
    bigger, _ = asked_plan(StudyOptions("aaw", agent="qwen0.5b"))
    assert {arm.agent for arm in bigger.arms} == {"qwen0.5b"}
