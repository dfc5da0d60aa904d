"""Whatever a file holds, who reads it gets its content, or one line that a person can put right.

300 mutants of each format, the same in every run, each through the functions behind the commands that read
it; no traceback.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
import torch
from rich.console import Console

from arena.cli.errors import explain
from arena.record.store import FILE_NAME, Store
from arena.record.verify import verify
from arena.training.distributed.weights import TrainedWeights
from arena.training.dqn.config import DqnConfig
from arena.training.dqn.train import DqnTraining
from arena.training.export.export import Policy
from arena.training.language.checkpoint import Progress, load_checkpoint, save_checkpoint
from arena.training.language.guard import Guard
from arena.training.language.start import start_settings
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config, stored_config
from arena.training.sft.examples import Example, read_examples, write_examples
from arena.training.start import train
from arena.training.status import TrainingStatus
from arena.views.curves import comparison, learning_curves
from arena.views.listing import runs as list_runs
from arena.views.page.data import read_run
from arena.views.page.page import render
from arena.views.spending import show_spending, spending_json
from arena.views.terminal.frames import frame
from arena.views.terminal.plain import PlainPrinter
from arena.views.terminal.recorded import stored_replay
from arena.views.terminal.replay import print_notable
from arena_agents.causal_lm.adapter_config import read_adapter
from arena_agents.causal_lm.load import load_model
from arena_agents.language.chat import ChatFormat
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_agents.random import RandomAgent
from arena_games.registry import find_game
from arena_leaderboard import render_json, render_markdown, standings
from tests.arena.damage import bytes_damaged, json_damaged, text_damaged
from tests.arena.views.report_runs import fill

MUTANTS = 300
TINY = {"groups": 2, "group_size": 2, "eval_episodes": 2, "checkpoint_every": 1, "eval_every": 1}


def survives(read: Callable[[], object]) -> bool:
    """Whether it could be read; whatever it raises has to be one that is told in one line."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            read()
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        assert "\n" not in line
        return False
    return True


def each_mutant(
    path: Path, read: Callable[[], object], damaged: Callable[[int], bytes], mutants: int = MUTANTS
) -> None:
    """Put each mutant in the file's place; some have to be refused, and none may end in a traceback."""
    whole, refused, wrong = path.read_bytes(), 0, []
    assert survives(read)
    try:
        for seed in range(mutants):
            path.write_bytes(damaged(seed))
            try:
                refused += not survives(read)
            except Exception as error:
                wrong.append(f"mutant {seed}: {told(error)}")
    finally:
        path.write_bytes(whole)
    assert not wrong, f"{len(wrong)} of {path.name}:\n" + "\n".join(wrong[:40])
    assert refused > mutants / 20


def told(error: Exception) -> str:
    """The exception, and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{type(error).__name__}: {str(error)[:100]!r} at {ours[-1].filename}:{ours[-1].lineno}"


def of_text(path: Path) -> Callable[[int], bytes]:
    whole = path.read_text(encoding="utf-8")
    return lambda seed: text_damaged(whole, seed)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that trained an adapter."""
    out = tmp_path_factory.mktemp("damaged") / "language"
    return train("frozen-lake", "nano", out=out, steps=2, settings={**TINY, "lora_rank": 4})


@pytest.fixture(scope="module")
def dqn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "dqn"
    small = {"episodes": 4, "updates": 1, "eval_episodes": 2, "checkpoint_every": 1, "eval_every": 1}
    return train("frozen-lake", "dqn", out=out, steps=2, settings={**small, "capacity": 50, "hidden": 8})


@pytest.fixture(scope="module")
def tournament(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damaged") / "tournament"
    fill(out, ["frozen-lake", "snake-duel"], {"a": RandomAgent(), "b": RandomAgent()}, 1)
    return out


def test_agent_json_of_a_language_policy(language: Path) -> None:
    folder = language / "last"

    def read() -> None:
        start_settings(Policy.read(folder))

    each_mutant(folder / "agent.json", read, of_text(folder / "agent.json"))


def test_agent_json_of_a_dqn(dqn: Path) -> None:
    path = dqn / "last" / "agent.json"
    each_mutant(path, lambda: load_policy(dqn / "last"), of_text(path))


def test_weights_of_a_dqn(dqn: Path) -> None:
    path = dqn / "last" / "model.safetensors"
    whole = path.read_bytes()
    each_mutant(path, lambda: load_policy(dqn / "last"), lambda seed: bytes_damaged(whole, seed))


def test_adapter_config(language: Path) -> None:
    path = language / "last" / "adapter_config.json"
    each_mutant(path, lambda: read_adapter(path.parent), of_text(path))


@pytest.mark.parametrize("kind", ["language", "dqn"])
def test_config_of_a_run(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    each_mutant(folder / "config.json", lambda: all_of_a_run(folder), of_text(folder / "config.json"))


def test_metrics(language: Path) -> None:
    path = language / "metrics.jsonl"
    each_mutant(path, lambda: all_of_a_run(language), of_text(path))


def all_of_a_run(folder: Path) -> None:
    """What list, curves, report, export and --resume read of a training."""
    TrainingStatus(folder).update()
    str(list_runs(folder))
    learning_curves(folder.parent)
    stored_config(RunFolder.open(folder))
    comparison([folder], "eval/return")
    comparison([folder], "eval/success")


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('learning_rate = 1e-4\ngroups = 3\nopponents = "house"\n[chat_template]\nx = 1\n')
    whole = path.read_bytes()

    def read() -> None:
        new_config({"game": "frozen-lake", "agent": "nano"}, [], path)

    each_mutant(path, read, lambda seed: bytes_damaged(whole, seed))


CHECKPOINTS = ("state.json", "state.safetensors")


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoint_of_a_dqn(dqn: Path, name: str) -> None:
    path = dqn / "checkpoints" / "step-000002" / name
    config = stored_config(RunFolder.open(dqn))
    assert isinstance(config, DqnConfig)
    training = DqnTraining(config, RunFolder.open(dqn), find_game("frozen-lake"))
    whole = path.read_bytes()
    damaged = of_text(path) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(path, lambda: training._load(path.parent), damaged)


def test_environment_of_a_run(language: Path) -> None:
    path = language / "environment.json"
    each_mutant(path, RunFolder.open(language).environment, of_text(path))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedWeights]:
    """A checkpoint as language policies have it, of weights that are quickly read."""
    folder = tmp_path_factory.mktemp("checkpoint")
    trained = TrainedWeights(torch.nn.Linear(4, 4), rate=0.1, weight_decay=0.0)
    trained.parameters["weight"].sum().backward()
    trained.optimizer.step()
    now = trained.snapshot()
    save_checkpoint(folder, now, now, Progress(3, 9, 1.5, Guard(0.1, 0.5, 2, 0.5)))
    return folder, trained


@pytest.mark.parametrize("name", ["progress.json", "current.safetensors"])
def test_checkpoint_of_a_language_policy(checkpoint: tuple[Path, TrainedWeights], name: str) -> None:
    folder, trained = checkpoint
    whole = (folder / name).read_bytes()
    damaged = of_text(folder / name) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(folder / name, lambda: load_checkpoint(folder, trained), damaged)


def test_examples(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    asked = [{"role": "system", "content": "play"}, {"role": "user", "content": "a board"}]
    write_examples(path, [Example(asked, "\u2028<action>up</action>", number) for number in range(3)])
    each_mutant(path, lambda: read_examples(path), of_text(path))


MODEL_FILES = (
    *("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"),
    *("chat_template.jinja", "model.safetensors"),
)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_model_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(MODEL_DIR, folder)
    path = folder / name
    whole = path.read_bytes()

    def read() -> None:
        ChatFormat.of(load_model(str(folder))[1])

    damaged = of_text(path) if name.endswith("json") else lambda seed: bytes_damaged(whole, seed)
    each_mutant(path, read, damaged, MUTANTS // len(MODEL_FILES))


def all_of_a_tournament(folder: Path) -> None:
    """What leaderboard, report, replay, list and tournament read of a run's file."""
    list_runs(folder)
    with Store.read(folder) as store:
        results, spent = store.results(), store.spending()
        board = standings(results, bootstraps=2)
        render_json(board, replies=spending_json(spent))
        render_markdown(board)
        show_spending(spent, Console(file=io.StringIO()))
        print_notable(folder, store.summaries())
        for episode in store.episodes():
            replay = stored_replay(episode)
            for position in range(replay.last + 1):
                frame(replay, position)
            PlainPrinter(Console(file=io.StringIO()), 1e9).print(replay, replay.last)


def test_bytes_of_a_run_file(tournament: Path) -> None:
    path = tournament / FILE_NAME
    whole = path.read_bytes()
    each_mutant(path, lambda: all_of_a_tournament(tournament), lambda seed: bytes_damaged(whole, seed))


def test_values_in_a_run_file(tournament: Path) -> None:
    """A run's file that SQLite finds nothing wrong with."""
    path = tournament / FILE_NAME
    whole = path.read_bytes()

    def damaged(seed: int) -> bytes:
        path.write_bytes(whole)
        with closing(sqlite3.connect(path)) as connection:
            change_value(connection, random.Random(seed))
            connection.commit()
        return path.read_bytes()

    each_mutant(path, lambda: all_of_a_tournament(tournament), damaged)


def change_value(connection: sqlite3.Connection, rng: random.Random) -> None:
    """Put another value into one cell, of whatever type."""
    table = rng.choice(("meta", "texts", "episodes", "steps", "episodes", "steps"))
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    column = rng.choice(columns)
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    row = rng.choice(rows)
    old = row[columns.index(column)]
    value = _other(old, rng)
    keys = " AND ".join(f'"{name}" IS ?' for name in columns)
    with suppress(sqlite3.IntegrityError):
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {keys}', (value, *row))


def _other(old: object, rng: random.Random) -> object:
    if isinstance(old, str) and rng.random() < 0.7:
        with suppress(ValueError):
            return json.dumps(json_damaged(json.loads(old), rng.randrange(2**32)))
    odd = (0, -1, 7, 2**62, -(2**62), 1e308, float("inf"), 0.5, "", "x", "null", b"", b"\xff\xfe", b"x" * 999)
    return rng.choice(odd)


def one_line_each(faults: list[str]) -> None:
    assert all("\n" not in fault for fault in faults)


@pytest.mark.parametrize("of_values", [True, False])
def test_verify_names_what_is_damaged(tournament: Path, of_values: bool) -> None:
    """`arena verify` reads on where others stop: fewer, as it plays every episode again."""
    path = tournament / FILE_NAME
    whole = path.read_bytes()
    for seed in range(0, MUTANTS, 6):
        path.write_bytes(whole if of_values else bytes_damaged(whole, seed))
        if of_values:
            with closing(sqlite3.connect(path)) as connection:
                change_value(connection, random.Random(seed))
                connection.commit()
        changed = path.read_bytes() != whole
        assert survives(lambda: one_line_each(verify(tournament, processes=1).faults)) or changed
    path.write_bytes(whole)


def test_pages_of_damaged_runs(tournament: Path, language: Path) -> None:
    """`arena report`, which reads all of it together: fewer, as drawing takes its time."""
    path = tournament / FILE_NAME
    whole = path.read_bytes()
    shutil.copytree(language, tournament / "agents" / "nano@frozen-lake")
    wrong = []
    for seed in range(0, MUTANTS, 10):
        path.write_bytes(whole)
        with closing(sqlite3.connect(path)) as connection:
            change_value(connection, random.Random(seed))
            connection.commit()
        metrics = tournament / "agents" / "nano@frozen-lake" / "metrics.jsonl"
        metrics.write_bytes(text_damaged((language / "metrics.jsonl").read_text(), seed))
        try:
            survives(lambda: render(read_run(tournament)))
        except Exception as error:
            wrong.append(f"mutant {seed}: {told(error)}")
    path.write_bytes(whole)
    assert not wrong, "\n".join(wrong)
