"""The built-in language model learns FrozenLake by MS-GRPO; each step's metrics come to a function.

Three updates here, so that it takes seconds; its preset takes 80.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena import evaluate, find_game, make_agent, train


def on_step(metrics: Mapping[str, Any]) -> None:
    held_out = metrics.get("eval/return")
    shown = "" if held_out is None else f", held-out return {held_out:.2f}"
    print(f"step {metrics['step']}{shown}")


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/callback")
    settings = {"groups": 4, "eval_every": 3, "eval_episodes": 20}
    run = train("frozen-lake", "nano", out=out, steps=3, settings=settings, on_step=on_step)
    (row,) = evaluate("mine", make_agent(str(run)), [find_game("frozen-lake")], episodes=20)
    print(f"on test episodes: return {row.mean_return:.2f}, 95% interval {row.return_ci95}")
