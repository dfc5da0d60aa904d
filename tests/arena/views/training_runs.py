"""Runs of trainings for the tests of the report: as the trainers leave them, with made-up measurements."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from arena.training.config import MsgrpoConfig, TrainConfig
from arena.training.dqn.config import DqnConfig
from arena.training.run_folder import RunFolder
from arena.training.sampled import SampledEpisode, SampledStep, SampledToken
from arena.training.sft.config import SftConfig
from tests.arena.views.report_runs import HOSTILE_NAMES

STEPS = 20
LOOKS = (0, 5, 10, 15, 20)  # steps with held-out episodes
COLLAPSE = 15  # the step at which the run went back to an earlier policy


def msgrpo_run(folder: Path, **settings: Any) -> Path:
    """A run of MS-GRPO that rises, collapses, steps back, and rises again."""
    asked = {"game": "snake", "agent": "nano", "steps": STEPS, "eval_episodes": 40, "groups": 3, **settings}
    _filled(folder, MsgrpoConfig(**asked), [_msgrpo_row(step) for step in range(STEPS + 1)])
    RunFolder(folder).log_episodes([sampled(step) for step in LOOKS[1:] for _ in range(2)])
    return folder


def dqn_run(folder: Path) -> Path:
    """A run of DQN."""
    rows = [
        _row(step) | {"epsilon": 1 / step, "loss": 2.0 / step, "q_mean": 0.1} for step in range(1, STEPS + 1)
    ]
    return _filled(folder, DqnConfig(game="frozen-lake", agent="dqn", steps=STEPS), rows)


def sft_run(folder: Path) -> Path:
    """A run of teaching by example: nothing is played in training."""
    rows = [
        {name: value for name, value in _row(step).items() if not name.startswith("train/")} | {"loss": 0.5}
        for step in range(STEPS + 1)
    ]
    return _filled(folder, SftConfig(game="snake", agent="nano", teacher="search", steps=STEPS), rows)


def hostile_training(folder: Path) -> Path:
    """A run whose names hold what a page must not obey, and whose numbers cannot all be drawn."""
    msgrpo_run(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"agent": HOSTILE_NAMES[0], "game": HOSTILE_NAMES[1], HOSTILE_NAMES[2]: HOSTILE_NAMES[3]}
    config |= {"seed": HOSTILE_NAMES[4], "eval_episodes": "many", "steps": [1]}
    (folder / "config.json").write_text(json.dumps(config))
    row = {"step": STEPS + 1, "eval/return": 1e308, "kl": -1e300, "entropy": "high", "rollbacks": True}
    row |= {f"payoff/{name}": 0.5 for name in HOSTILE_NAMES if name.isascii()} | {
        f"seconds/{HOSTILE_NAMES[0]}": 3.0
    }
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    RunFolder(folder).log_episodes([sampled(3, name, name) for name in HOSTILE_NAMES if name.isprintable()])
    return folder


def sampled(step: int, name: str = "learner", said: str = "<action>up</action>") -> SampledEpisode:
    """An episode of an update as a trainer keeps it."""
    tokens = (
        SampledToken(text=said, logprob=-0.25, mismatch=0.0012),
        SampledToken(text="</think>", logprob=None, mismatch=None),
    )
    move = SampledStep(
        turn=0,
        observation="You: head (1, 0)",
        reply=said,
        action="up",
        reward=1.0,
        advantage=1.5,
        tokens=tokens,
    )
    players = (name, "house:random")
    told = {"game": "snake", "version": 1, "seat": 0, "players": players, "total": 1.0, "success": True}
    return SampledEpisode(step=step, steps=(move, move.model_copy(update={"turn": 1})), **told)


def _filled(folder: Path, config: TrainConfig, rows: list[dict[str, Any]]) -> Path:
    run = RunFolder.create(folder, config)
    for row in rows:
        run.log(row)
    return folder


def _row(step: int) -> dict[str, Any]:
    looked = step in LOOKS
    share = 0.0 if step == COLLAPSE else step / STEPS
    row: dict[str, Any] = {"step": step, "episodes": 24 * step, "seconds": 1.5 * step}
    row |= {"eval/return": 3 * share if looked else None, "eval/success": share if looked else None}
    return row | ({"train/return": 2 * share, "train/success": share} if step else {})


def _msgrpo_row(step: int) -> dict[str, Any]:
    row = _row(step)
    if not step:
        return row
    kl = None if step == 7 else 0.01 * abs(math.sin(step))  # step 7: the update was undone
    row |= {"kl": kl, "entropy": 1 - step / 40, "clip_fraction": 0.0, "ref_kl": 0.0, "invalid_rate": 0.1}
    row |= {"mean_kept_advantage": 0.2, "tokens_per_s": 900.0 + step, "rollbacks": int(step >= COLLAPSE)}
    return row | {"seconds/rollout": 1.0, "seconds/update": 0.5, "seconds/eval": 0.4 * (step in LOOKS)}
