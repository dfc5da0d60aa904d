"""Settings that can be looked up, written to a file and misspelt; the lists that a shell completes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from arena.cli import app as cli
from arena.cli import completion
from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.dqn.config import DqnConfig
from arena.training.known_settings import settings_of, settings_toml, to_toml
from arena.training.layers import parse_settings, resolve
from arena.training.settings import new_config
from arena.training.sft.config import SftConfig
from arena_games.base import UsageError

KINDS: tuple[type[TrainConfig], ...] = (MsgrpoConfig, SftConfig, DqnConfig)


def arena(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.ALGORITHM)
def test_every_setting_says_what_it_means(kind: type[TrainConfig]) -> None:
    listed = {setting.name: setting for setting in settings_of(kind)}
    assert set(listed) == set(kind.model_fields) - {"version"}
    assert not [name for name, setting in listed.items() if not setting.meaning or "." in setting.meaning[-1]]


def test_a_setting_is_what_the_class_enforces() -> None:
    listed = {setting.name: setting for setting in settings_of(MsgrpoConfig)}
    assert (listed["keep"].type, listed["keep"].default, listed["keep"].range) == ("float", 0.5, "> 0, ≤ 1")
    assert listed["episode_sampling"].type == "aaw | uniform"
    assert listed["probe_tolerance"].type == "float | none"
    assert listed["loggers"].type == "list of tensorboard | trackio | wandb"
    assert listed["game"].required
    assert not listed["probe_tolerance"].required
    for setting in listed.values():  # the bounds that are shown are those that are held
        for sign, bound in re.findall(r"([<>]) ([^, ]+)", setting.range):
            with pytest.raises(UsageError, match=setting.name):
                resolve(MsgrpoConfig, {"game": "snake", "agent": "nano", setting.name: float(bound)})
            assert sign in "<>"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [(["train"], MsgrpoConfig), (["train", "--agent", "dqn"], DqnConfig), (["sft"], SftConfig)],
)
def test_help_settings(arguments: list[str], kind: type[TrainConfig]) -> None:
    rows = json.loads(arena(*arguments, "--help-settings", "--json").stdout)
    assert [row["name"] for row in rows] == [name for name in kind.model_fields if name != "version"]
    shown = arena(*arguments, "--help-settings").stdout
    assert all(row["name"] in shown for row in rows)


def test_a_config_file_changes_nothing_until_it_is_edited(tmp_path: Path) -> None:
    text = arena("config", "snake", "--agent", "nano").stdout
    file = tmp_path / "my.toml"
    file.write_text(text)
    assert tomllib.loads(text) == {"game": "snake", "agent": "nano"}
    preset = new_config({"game": "snake", "agent": "nano"}, [], None)
    assert new_config({}, [], file) == preset
    file.write_text(re.sub(r"(?m)^#(\w+ = )", r"\1", text))
    unset = {name for name in MsgrpoConfig.model_fields if getattr(preset, name) is None}
    assert set(tomllib.loads(file.read_text())) == set(MsgrpoConfig.model_fields) - {"version"} - unset
    assert new_config({}, [], file) == preset, "every commented value is the one that holds"
    assert "#steps = 60" in text, "the preset's"
    assert "200 without a preset" in text


def test_a_config_file_for_dqn_and_for_teaching() -> None:
    assert tomllib.loads(arena("config", "snake", "--agent", "dqn").stdout)["agent"] == "dqn"
    taught = tomllib.loads(arena("config", "snake", "--agent", "nano", "--teacher", "search").stdout)
    assert taught == {"game": "snake", "agent": "nano", "teacher": "search"}


def test_values_survive_toml() -> None:
    odd = {"a b": 'quo"te\x7f\n', "c": [1, 2.5, 1e-05, True], "d": {"e": "ü😀"}}
    assert tomllib.loads(f"x = {to_toml(odd)}")["x"] == odd
    config = resolve(MsgrpoConfig, {"game": "g.py:S", "agent": 'hf:"x"\\y'})
    assert tomllib.loads(settings_toml(config, "c"))["agent"] == config.agent


@pytest.mark.parametrize(("wrong", "right"), [("grups", "groups"), ("learning-rate", "learning_rate")])
def test_the_nearest_setting_is_named(wrong: str, right: str) -> None:
    with pytest.raises(UsageError, match=f"unknown setting '{wrong}'; did you mean '{right}'?"):
        resolve(MsgrpoConfig, {"game": "snake", "agent": "nano", **parse_settings([f"{wrong}=1"])})


def test_what_the_shell_completes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "fl-0").mkdir(parents=True)
    (tmp_path / "runs" / "fl-0" / "config.json").write_text("{}")
    assert completion.games("snake-d") == ["snake-duel"]
    assert completion.some_games("snake,froz") == ["snake,frozen-lake", "snake,frozen-lake-slippery"]
    assert completion.some_games("a") == ["all"]
    assert completion.some_agents("old=random,new=sea") == ["old=random,new=search"]
    assert completion.runs("ru") == ["runs/fl-0"]
    assert "runs/fl-0" in completion.agents("")


def test_bash_asks_for_completions_and_gets_them(tmp_path: Path) -> None:
    asked = {"_ARENA_COMPLETE": "complete_bash", "COMP_WORDS": "arena train froz", "COMP_CWORD": "2"}
    command = [sys.executable, "-m", "arena"]
    done = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["frozen-lake", "frozen-lake-slippery"], done.stderr
    # Which shell asks is read off the processes above: bash has to be one, and to stay while arena runs.
    script = f"{shlex.join(command)} --show-completion; exit $?"
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert "_ARENA_COMPLETE=complete_bash" in shown.stdout, shown.stderr


def test_what_prints_a_table_prints_json(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "t"
    few = ("--games", "frozen-lake", "--agents", "random,search", "--matches", 2, "--out", run)
    board = json.loads(arena("tournament", *few, "--json").stdout)
    assert board == json.loads(arena("leaderboard", run, "--json").stdout)
    assert {row["agent"] for row in board["overall"]} == {"random", "search"}
    assert json.loads(arena("list", "games", "--json").stdout)[0]["game"] == "frozen-lake"
    assert {"agent": "random", "about": "any move that is not pointless"} in json.loads(
        arena("list", "agents", "--json").stdout
    )
    (listed,) = json.loads(arena("list", "runs", run.parent, "--json").stdout)
    assert (listed["run"], listed["kind"], listed["state"]) == (str(run), "tournament", "4 matches")
    notable = json.loads(arena("replay", run, "--json").stdout)
    assert notable[0]["why"]
    match = json.loads(arena("replay", run, notable[0]["number"], "--json").stdout)
    assert match["id"] == notable[0]["id"]
    assert {step["action_name"] for step in match["steps"]} <= {"left", "down", "right", "up"}
    assert sum(step["reward"] for step in match["steps"]) == sum(match["returns"])
    verified = json.loads(arena("verify", run, "--json").stdout)
    assert verified == {"episodes": 4, "games": {"frozen-lake": 4}, "faults": []}
    checks = json.loads(arena("check-game", "frozen-lake", "--episodes", 2, "--json").stdout)
    assert all(check["passed"] for check in checks)


def test_curves_as_json(tmp_path: Path) -> None:
    run = tmp_path / "a"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"algorithm": "dqn", "agent": "dqn", "game": "snake"}))
    (run / "metrics.jsonl").write_text('{"step": 0, "eval/success": 0.25}\n{"step": 1, "loss": 2}\n')
    shown = json.loads(arena("curves", run, run, "--json").stdout)
    assert shown["points"] == [{"step": 0, "values": [0.25, 0.25], "mean": 0.25}]
