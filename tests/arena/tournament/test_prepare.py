"""Trainings of a tournament: which run, how they are run, and what becomes of those that fail."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena.machine import children
from arena.tournament import prepare
from arena.tournament.entrants import Training, parse_entrants, trainings
from arena.tournament.options import TrainMode
from arena.tournament.plan import Tournament
from arena.tournament.prepare import command, due, train_all
from arena.tournament.run import run
from arena_games.base import UsageError
from arena_games.registry import game_specs, select_games

TRAINS = """
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "config.json").write_text(json.dumps({"steps": 3, "threads": os.environ["OMP_NUM_THREADS"]}))
(folder / "metrics.jsonl").write_text(json.dumps({"step": 3, "eval/return": 0.5}) + "\\n")
(folder / "last").mkdir(exist_ok=True)
"""
SLEEPS = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1], "pid").write_text(str(os.getpid()))
time.sleep(60)
"""
FAILS = "import sys; print('a long story'); sys.exit('arena: no such thing')"


class Notes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.started_names: list[str] = []
        self.ended_names: dict[str, str | None] = {}

    def started(self, training: Training) -> None:
        self.started_names.append(training.name)

    def look(self) -> None: ...

    def ended(self, training: Training, error: str | None) -> None:
        self.ended_names[training.name] = error


def needed(tmp_path: Path, agents: str = "dqn", games: str = "snake,frozen-lake") -> list[Training]:
    return trainings(parse_entrants(agents), select_games(games), tmp_path)


def scripted(monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str]) -> None:
    """Let trainings run these programs; the folder is their argument."""
    monkeypatch.setattr(
        prepare,
        "command",
        lambda training, seed: [sys.executable, "-c", scripts[training.name], str(training.folder)],
    )


def test_auto_trains_what_is_missing_only(tmp_path: Path) -> None:
    snake, lake = needed(tmp_path)
    assert due([snake, lake], TrainMode.AUTO) == [snake, lake]
    (lake.folder / "last").mkdir(parents=True)
    assert due([snake, lake], TrainMode.AUTO) == [snake]
    assert due([snake, lake], TrainMode.ALWAYS) == [snake, lake]
    with pytest.raises(UsageError, match=r"^not trained yet: dqn@snake; use --train auto$"):
        due([snake, lake], TrainMode.NEVER)
    assert due([lake], TrainMode.NEVER) == []


def test_the_longest_trainings_begin_first(tmp_path: Path) -> None:
    found = due(trainings(parse_entrants("dqn,nano+snake"), game_specs(), tmp_path), TrainMode.AUTO)
    assert [training.name for training in found][:2] == ["nano@snake", "dqn@snake-royale"]
    assert found[-1].name == "dqn@frozen-lake"


def test_a_training_is_started_anew_or_resumed(tmp_path: Path) -> None:
    (training, _) = needed(tmp_path)
    assert command(training, 3)[3:] == [
        "train", "snake", "--agent", "dqn", "--out", str(training.folder), "--seed", "3",
    ]  # fmt: skip
    training.folder.mkdir(parents=True)
    (training.folder / "config.json").touch()
    assert command(training, 3)[3:] == ["train", "--resume", str(training.folder)]


def test_the_program_that_trains_is_there(tmp_path: Path) -> None:
    (training, _) = needed(tmp_path)
    program, option, module, *_ = command(training, 3)
    assert (program, option) == (sys.executable, "-m")
    assert importlib.util.find_spec(module)


def test_what_is_left_is_trained_with_the_threads_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "cores", lambda: 8)
    snake, lake = needed(tmp_path)
    assert prepare.threads_each([snake, lake]) == 4
    scripted(monkeypatch, {"dqn@snake": TRAINS, "dqn@frozen-lake": TRAINS})
    train_all([lake], seed=0, watcher=Notes(), threads=4)
    train_all([snake], seed=0, watcher=Notes())
    told = [json.loads((training.folder / "config.json").read_text()) for training in (lake, snake)]
    assert [each["threads"] for each in told] == ["4", "8"]


def test_a_tournament_remembers_the_threads_of_its_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "cores", lambda: 8)
    tournament = Tournament.of("snake,frozen-lake", "dqn", tmp_path, matches=1)
    seen = []

    def killed(waiting: list[Training], *, threads: int, **_: object) -> dict[Training, str]:
        seen.append((len(waiting), threads))
        raise KeyboardInterrupt

    monkeypatch.setattr("arena.tournament.run.train_all", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tournament)
        (tmp_path / "agents" / "dqn@snake" / "last").mkdir(parents=True, exist_ok=True)
    assert seen == [(2, 4), (1, 4)]


def test_trainings_run_and_a_failure_is_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snake, lake = needed(tmp_path)
    scripted(monkeypatch, {"dqn@snake": TRAINS, "dqn@frozen-lake": FAILS})
    notes = Notes()
    assert train_all([snake, lake], seed=0, watcher=notes) == {lake: "no such thing"}
    assert notes.started_names == ["dqn@snake", "dqn@frozen-lake"]
    assert notes.ended_names == {"dqn@snake": None, "dqn@frozen-lake": "no such thing"}
    assert "a long story" in (lake.folder / "train.log").read_text()
    assert due([snake, lake], TrainMode.AUTO) == [lake]


def test_a_training_that_leaves_no_policy_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (training, *_) = needed(tmp_path)
    scripted(monkeypatch, {"dqn@snake": "pass"})
    assert "said nothing" in train_all([training], seed=0, watcher=Notes())[training]


def test_anew_forgets_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (training, *_) = needed(tmp_path)
    (training.folder / "last").mkdir(parents=True)
    (training.folder / "old").touch()
    scripted(monkeypatch, {"dqn@snake": TRAINS})
    assert train_all([training], seed=0, watcher=Notes(), anew=True) == {}
    assert not (training.folder / "old").exists()


def test_an_interruption_stops_the_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupts(Notes):
        def look(self) -> None:
            raise KeyboardInterrupt

    (training, *_) = needed(tmp_path)
    scripted(monkeypatch, {"dqn@snake": SLEEPS})
    monkeypatch.setattr(children, "LOOK_EVERY_S", 1.0)
    with pytest.raises(KeyboardInterrupt):
        train_all([training], seed=0, watcher=Interrupts())
    assert not _alive(int((training.folder / "pid").read_text()))


def test_a_worker_ends_with_its_parent() -> None:
    child = (
        "from arena.machine.parent import end_with_parent; import time; end_with_parent(); "
        "print('ready', flush=True); time.sleep(600)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    patient_until = time.monotonic() + 120
    while _alive(pid) and time.monotonic() < patient_until:
        time.sleep(0.05)
    assert not _alive(pid)


def test_a_worker_whose_parent_has_gone_before_it_looks_ends_too() -> None:
    """As where a run is killed while its workers still import what they need."""
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    child = (
        "from arena.machine.parent import end_with_parent; import time; end_with_parent(); time.sleep(600)"
    )
    environment = {**os.environ, "ARENA_PARENT": gone.stdout.strip()}
    assert subprocess.run([sys.executable, "-c", child], env=environment, timeout=300).returncode == 1


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


HAS_CARD = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
began = time.time()
time.sleep(0.3)
(folder / "ran.json").write_text(json.dumps([os.environ.get("CUDA_VISIBLE_DEVICES"), began, time.time()]))
(folder / "last").mkdir(exist_ok=True)
"""


@pytest.mark.parametrize(("visible", "cards"), [(None, ["0", "1"]), ("3,GPU-7", ["3", "GPU-7"])])
def test_each_gpu_trains_one_language_model_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, cards: list[str]
) -> None:
    for module in (prepare, children):
        monkeypatch.setattr(module, "gpus", lambda: [object(), object()])
    monkeypatch.setattr(prepare, "cores", lambda: 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    asked = needed(tmp_path, "dqn,nano+snake,a=nano+frozen-lake,b=nano+snake-poison", "snake,frozen-lake")
    scripted(monkeypatch, {training.name: HAS_CARD for training in asked})
    assert train_all(asked, seed=0, watcher=Notes()) == {}
    ran = {t: json.loads((t.folder / "ran.json").read_text()) for t in asked}
    assert {ran[t][0] for t in asked if t.agent == "dqn"} == {visible}
    taught = [t for t in asked if t.agent != "dqn"]
    assert len(taught) == 3
    assert {ran[t][0] for t in taught} == set(cards)
    for card in cards:
        spans = sorted(ran[t][1:] for t in taught if ran[t][0] == card)
        assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans))


def test_without_a_gpu_cores_alone_decide(tmp_path: Path) -> None:
    asked = needed(tmp_path, "dqn,nano+snake", "snake,frozen-lake")
    assert prepare.most_at_once(asked, 16, 0) == len(asked) == 3
    assert prepare.most_at_once(asked, 2, 0) == 2
    both = needed(tmp_path, "nano+snake,nano+frozen-lake", "snake")
    assert (prepare.most_at_once(both, 16, 1), prepare.most_at_once(both, 16, 4)) == (1, 2)
