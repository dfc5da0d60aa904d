"""What a run is told, and what is left behind when it cannot begin."""

import importlib.util
import json

import pytest

from arena.training.config import MsgrpoConfig
from arena.training.dqn.config import DqnConfig
from arena.training.layers import parse_settings, resolve
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config, stored_config
from arena.training.start import train
from arena.untrusted import slug
from arena.views.curves import comparison, draw_comparison
from arena_games.base import UsageError

NANO = {"game": "frozen-lake", "agent": "nano"}


def test_later_layers_win(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("learning_rate = 0.5\ngroups = 3\nseed = 9\n")
    config = new_config({**NANO, "seed": 7}, ["groups=4"], file)
    assert isinstance(config, MsgrpoConfig)
    assert (config.learning_rate, config.groups, config.seed) == (0.5, 4, 7)
    assert config.lora_rank == 0  # nano's preset
    assert new_config({**NANO, "agent": "qwen3b"}, [], None).lora_rank > 0  # the default


def test_dqn_has_a_config_of_its_own():
    assert isinstance(new_config({"game": "snake", "agent": "dqn"}, [], None), DqnConfig)


def test_settings_are_read_as_json_where_they_are():
    assert parse_settings(["a=1", "b=0.5", "c=true", "d=house", 'e=["x"]']) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "house",
        "e": ["x"],
    }


@pytest.mark.parametrize(
    ("settings", "problem"),
    [(["nope=1"], "unknown setting 'nope'"), (["beta=-1"], "beta"), (["groups"], "key=value")],
)
def test_a_bad_setting_is_one_line(settings, problem):
    with pytest.raises(UsageError, match=problem) as caught:
        new_config(NANO, settings, None)
    assert "\n" not in str(caught.value)


def test_a_config_of_another_version_is_refused():
    with pytest.raises(UsageError, match="version 99"):
        resolve(MsgrpoConfig, {**NANO, "version": 99})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"agent": "nano"}, "which game"),
        ({"game": "frozen-lake"}, "which agent"),
        ({"game": "frozen-lake", "agent": "search"}, "cannot train"),
        ({"game": "frozzen-lake", "agent": "nano"}, "did you mean"),
    ],
)
def test_what_cannot_be_trained_is_refused(given, problem):
    with pytest.raises(UsageError, match=problem):
        new_config(given, [], None)


def test_a_run_is_not_overwritten(tmp_path):
    RunFolder.create(tmp_path / "run", MsgrpoConfig(**NANO))
    with pytest.raises(UsageError, match="--resume"):
        RunFolder.create(tmp_path / "run", MsgrpoConfig(**NANO))


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="hf download"):
        train(game="snake", agent="hf:no/such-model", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["wandb", "tensorboard", "trackio"])
def test_a_logger_that_is_not_installed_is_named(tmp_path, name):
    if importlib.util.find_spec(name):
        pytest.skip(f"{name} is installed here")
    with pytest.raises(UsageError, match=f"pip install {name}"):
        train(**NANO, out=tmp_path / "run", settings=[f'loggers=["{name}"]'])


def test_a_damaged_config_is_named(tmp_path):
    run = RunFolder.create(tmp_path / "run", MsgrpoConfig(**NANO))
    assert stored_config(run) == MsgrpoConfig(**NANO)
    (run.path / "config.json").write_text(json.dumps({"algorithm": "ppo"}))
    with pytest.raises(UsageError, match="another version"):
        stored_config(run)
    (run.path / "config.json").write_text("{")
    with pytest.raises(UsageError, match="cannot read"):
        stored_config(run)
    with pytest.raises(UsageError, match="no run"):
        RunFolder.open(tmp_path / "nowhere")


def test_curves_are_compared_where_they_share_steps(tmp_path):
    folders = []
    for name, values in (("a", {0: 0.5, 10: 1.0}), ("b", {0: 0.25, 5: 0.5, 10: 0.0})):
        run = RunFolder.create(tmp_path / name, MsgrpoConfig(**NANO))
        for step, value in values.items():
            run.log({"step": step, "eval/return": value, "eval/success": value})
        folders.append(run.path)
    table = comparison(folders, "eval/return")
    cells = [list(column.cells) for column in table.columns]
    assert cells == [["0", "10"], ["0.500", "1.000"], ["0.250", "0.000"], ["0.375", "0.500"]]
    with pytest.raises(UsageError, match="share no step"):
        comparison(folders, "kl")
    draw_comparison(folders, "eval/success", tmp_path / "curves.svg")
    drawn = (tmp_path / "curves.svg").read_text()
    assert drawn.startswith("<?xml")
    draw_comparison(folders, "eval/success", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn


def test_names_of_folders_hold_no_separators():
    assert slug("hf:some/Model-1.5B") == "some-Model-1.5B"
