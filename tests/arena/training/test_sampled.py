"""Episodes that a training keeps to be looked at, token by token."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arena import train
from arena.cli import app as cli
from arena.training.sampled import EPISODES, SampledEpisode, append, keep, sampled_episodes
from arena.views.page.page import write_report
from arena.views.page.sampled import MOST_UPDATES, sampled_archive
from arena_agents.registry import make_agent
from tests.arena.views.training_runs import sampled

SMALL = {"groups": 3, "group_size": 6, "eval_episodes": 4, "eval_every": 2, "checkpoint_every": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train("frozen-lake", "nano", out=tmp_path_factory.mktemp("run") / "r", steps=4, settings=SMALL)


def shown(*words: str) -> str:
    done = CliRunner().invoke(cli.app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_first_update_and_those_with_a_look_keep_two_episodes_at_most(run: Path) -> None:
    steps = [one.step for one in sampled_episodes(run)]
    assert set(steps) == {1, 2, 4}
    assert all(steps.count(step) <= 2 for step in steps)
    assert steps == sorted(steps)


def test_a_learner_against_itself_is_told_apart_by_its_seats() -> None:
    alone = sampled(1)
    both = alone.model_copy(update={"players": ("learner", "house:random", "learner"), "seat": 2})
    assert alone.episode().players == ("learner", "house:random")
    assert both.episode().players == ("learner (seat 1)", "house:random", "learner (seat 3)")


def test_their_tokens_are_those_that_were_drawn(run: Path) -> None:
    tokenizer = make_agent("nano").tokenizer  # type: ignore[attr-defined]
    for episode in sampled_episodes(run):
        for step in episode.steps:
            assert "".join(token.text for token in step.tokens).startswith(step.reply)
            assert len(step.tokens) == len(tokenizer(step.reply, add_special_tokens=False).input_ids)
            for token in step.tokens:
                assert token.logprob is not None
                assert token.mismatch is not None
                assert token.logprob <= 0
                assert abs(token.mismatch) < 1e-3, "the engine is the trainer's own model"


def test_the_highest_and_the_lowest_advantage_are_kept(run: Path) -> None:
    first = [one for one in sampled_episodes(run) if one.step == 1]
    advantages = [step.advantage for one in first for step in one.steps]
    assert len(first) == 2
    assert first[0].steps[0].advantage == max(filter(None, advantages)) > 0
    assert first[1].steps[0].advantage == min(filter(None, advantages)) < 0
    assert first[0].total > first[1].total


def test_a_run_that_goes_on_keeps_the_same_ones(run: Path, tmp_path: Path) -> None:
    settings = SMALL | {"checkpoint_every": 2}
    half = train("frozen-lake", "nano", out=tmp_path / "r", steps=4, settings=settings)
    whole = (run / EPISODES).read_bytes()
    assert (half / EPISODES).read_bytes() == whole
    last = sorted((half / "checkpoints").glob("step-*"))[-1]
    for file in sorted(last.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    last.rmdir()
    train(resume=half)
    assert (half / EPISODES).read_bytes() == whole


def test_what_cannot_be_read_is_left_out_and_what_comes_after_a_step_forgotten(tmp_path: Path) -> None:
    append(tmp_path, [sampled(1), sampled(2), sampled(5)])
    path = tmp_path / EPISODES
    nobody = json.loads(sampled(2).model_dump_json()) | {"seat": 7}
    path.write_text("no json\n" + json.dumps(nobody) + "\n" + path.read_text() + sampled(6).model_dump_json())
    assert [one.step for one in sampled_episodes(tmp_path)] == [1, 2, 5]
    keep(tmp_path, 2)
    assert [one.step for one in sampled_episodes(tmp_path)] == [1, 2]


def test_texts_that_utf8_cannot_carry_are_kept_with_question_marks(tmp_path: Path) -> None:
    append(tmp_path, [sampled(1, "learner", "<action>\ud800up</action>")])
    assert sampled_episodes(tmp_path)[0].steps[0].reply == "<action>?up</action>"


def test_a_run_that_has_kept_enough_keeps_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.training.sampled.LARGEST_KEPT", 2000)
    for step in range(100):
        append(tmp_path, [sampled(step)])
    assert 2000 < (tmp_path / EPISODES).stat().st_size < 4000


def test_the_terminal_lists_and_shows_them(run: Path) -> None:
    assert "token by token" in shown("replay", str(run))
    listed = json.loads(shown("replay", str(run), "--json"))
    assert [one["number"] for one in listed] == list(range(1, len(listed) + 1))
    one = sampled_episodes(run)[0]
    text = shown("replay", str(run), "1")
    logprob = one.steps[0].tokens[1].logprob
    assert logprob is not None
    assert f"{one.steps[0].tokens[1].text} [{math.exp(logprob):.0%}, log {logprob:.3f}]" in text
    assert "advantage +" in text
    assert one.outcome in text
    assert SampledEpisode.model_validate_json(shown("replay", str(run), "1", "--json")) == one
    assert "update 4" in shown("watch", str(run))
    done = CliRunner().invoke(cli.app, ["replay", str(run), "99"])
    assert "holds no episode '99'" in done.output


def test_the_page_carries_them_within_its_bounds(run: Path, tmp_path: Path) -> None:
    write_report(run, tmp_path / "page.html")
    assert '<section id="replays">' in (tmp_path / "page.html").read_text(encoding="utf-8")
    many = [sampled(step) for step in range(1, 1001) for _ in range(2)]
    found = sampled_archive(many)["matches"]
    assert len(found) <= 2 * (MOST_UPDATES + 1)
    assert found[0]["number"] == 2000
    assert found[-1]["number"] == 1
    frame = found[0]["frames"][0]
    assert frame["advantage"] == 1.5
    assert frame["tokens"] == [["<action>up</action>", -0.25, 0.0012], ["</think>", None, None]]
    few = sampled_archive(many, budget=5000)["matches"]
    assert 0 < len(few) < 12
    assert [one["number"] for one in few] == [one["number"] for one in found[: len(few)]], "the newest first"
    assert sampled_archive([])["matches"] == []
