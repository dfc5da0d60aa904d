"""SmolLM2 is taught frozen-lake by examples, then learns by playing, until its time is up; then it is tested.

    arena sft frozen-lake --agent SMOLLM2 --teacher search …
    arena train frozen-lake --agent SFT …
    arena eval SFT; arena eval MSGRPO       test episodes that no training has seen, side by side

The policies, their metrics and curves are packed into the part's folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arena import sft, train
from arena.training.msgrpo.training import MsgrpoTraining
from tests.benchmarks.gpu.bench import Bench
from tests.benchmarks.gpu.learn import metrics, phases

GAME = "frozen-lake"
SECONDS = 160  # for teaching and learning
TEST_EPISODES = 500
SFT = {
    "batch_size": 16,
    "max_new_tokens": 16,
    "micro_tokens": 16_384,
    "eval_every": 40,
    "eval_episodes": 64,
    "checkpoint_every": 1000,
}
MSGRPO = {
    "groups": 16,
    "group_size": 16,
    "keep": 0.5,
    "learning_rate": 2e-4,
    "warmup": 3,
    "max_new_tokens": 16,
    "micro_tokens": 32_768,
    "rollout_tokens": 131_072,
    "eval_every": 8,
    "eval_episodes": 128,
    "checkpoint_every": 1000,
}
SMALL = {"eval_episodes": 2, "micro_tokens": 2048}
PACKED = ("metrics.jsonl", "config.json", "environment.json", "curve.png", "best")


class TimeIsUpError(Exception):
    """The run has been told to make an update its last, and has."""


def run(bench: Bench) -> None:
    began = time.monotonic()
    start, learned = bench.scratch / "sft", bench.scratch / "msgrpo"
    _teach(bench, start)
    _learn(bench, start, learned, began + bench.few(SECONDS, 100))
    _pack(bench, start, learned)
    _test(bench, {"sft": start, "sft, MS-GRPO": learned})


def _teach(bench: Bench, out: Path) -> None:
    small = {**SMALL, "batch_size": 2} if bench.small else {}
    began = time.perf_counter()
    sft(
        GAME,
        f"hf:{bench.folder()}",
        "search",
        episodes=bench.few(256, 4),
        steps=bench.few(80, 2),
        out=out,
        settings=SFT | small,
    )
    rows = metrics(out)
    bench.row(
        "SmolLM2, sft",
        seconds=round(time.perf_counter() - began, 1),
        steps=len(rows) - 1,
        loss=[round(row["loss"], 3) for row in rows[1 :: max(1, len(rows) // 8)]],
        success=[row["eval/success"] for row in rows if row["eval/success"] is not None],
        invalid=[row["eval/invalid_rate"] for row in rows if row["eval/invalid_rate"] is not None],
        update_s=rows[-1]["seconds/update"],
        peak_memory=rows[-1]["peak_memory"],
    )


def _learn(bench: Bench, start: Path, out: Path, ends: float) -> None:
    """MS-GRPO from there, as many updates as there is time for."""
    small = {**SMALL, "groups": 2, "group_size": 4, "eval_every": 1} if bench.small else {}
    began = time.perf_counter()
    with _until(ends):
        train(GAME, str(start), steps=bench.few(1000, 2), out=out, settings=MSGRPO | small)
    rows = metrics(out)
    looks = [row for row in rows if row["eval/success"] is not None]
    bench.row(
        "SmolLM2, MS-GRPO from there",
        seconds=round(time.perf_counter() - began, 1),
        updates=len(rows) - 1,
        episodes=rows[-1]["episodes"],
        **phases(rows),
        peak_memory=rows[-1]["peak_memory"],
    )
    bench.row(
        "SmolLM2, MS-GRPO: held out",
        updates=[row["step"] for row in looks],
        success=[row["eval/success"] for row in looks],
        invalid=[row.get("eval/invalid_rate") for row in looks],
    )
    names = ("train/success", "kl", "entropy", "grad_norm", "engine_mismatch", "kept_episodes", "rollbacks")
    shown = rows[1 :: max(1, len(rows) // 10)]
    bench.row(
        "SmolLM2, MS-GRPO: metrics", **{name: [_round(row.get(name)) for row in shown] for name in names}
    )


@contextmanager
def _until(ends: float) -> Iterator[None]:
    """Inside, MS-GRPO's update that begins after this time is its run's last."""
    update = MsgrpoTraining.update

    def updated(self: MsgrpoTraining, step: int) -> Any:
        if step > self.config.steps:
            raise TimeIsUpError
        if time.monotonic() > ends:
            self.config = self.config.model_copy(update={"steps": step})
        return update(self, step)

    MsgrpoTraining.update = updated  # type: ignore[method-assign]
    try:
        yield
    except TimeIsUpError:
        pass
    finally:
        MsgrpoTraining.update = update  # type: ignore[method-assign]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _pack(bench: Bench, *runs: Path) -> None:
    for folder in runs:
        with tarfile.open(bench.scratch / f"{folder.name}.tgz", "w:gz", compresslevel=4) as file:
            for name in PACKED:
                if (folder / name).exists():
                    file.add(folder / name, f"{folder.name}/{name}")


def _test(bench: Bench, policies: dict[str, Path]) -> None:
    """Success on episodes that no training has seen, sampled and greedy; all at once."""
    count = ("--episodes", str(bench.few(TEST_EPISODES, 2)))
    asked = {
        (name, how): subprocess.Popen(
            [sys.executable, "-m", "arena", "eval", str(folder), "--games", GAME, "--json", *options, *count],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, folder in policies.items()
        for how, options in (("sampled", []), ("greedy", ["--temperature", "0"]))
    }
    began = time.perf_counter()
    for (name, how), process in asked.items():
        said, erred = process.communicate()
        bench.row(
            f"{name}: test episodes, {how}",
            seconds=round(time.perf_counter() - began, 1),
            **_found(said, erred),
        )


def _found(said: str, erred: str) -> dict[str, Any]:
    """Success with its 95 % interval (Wilson's), out of what `arena eval --json` printed."""
    try:
        row = json.loads(said)[0]
    except (ValueError, LookupError):
        return {"said": (said + erred)[-500:]}
    count, share, z = row["episodes"], row["success_rate"], 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5 / (1 + z * z / count)
    interval = [round(middle - reach, 4), round(middle + reach, 4)]
    return {"episodes": count, "success": share, "ci95": interval, "invalid": row["invalid_rate"]}
