"""Every game of other libraries that was tried: what `check-game` says of it, and what playing it costs.

    python -m tests.benchmarks.libraries openspiel [NAME …] [--episodes N] [--out FILE]

plays each game in a process of its own and writes a table (Markdown). Decisions a second are those of
random play, one episode at a time, each decision with its text and the names of all legal actions: through
the arena's environment, and in the library's own loop.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

LIMIT_S = 90.0  # for one game
MEASURED_S = 0.15  # each of three times
LIBRARIES = {
    name: f"tests.benchmarks.library_{name}" for name in ("openspiel", "textarena", "pettingzoo", "gym")
}


def main() -> None:
    options = _options()
    if options.one:
        print(json.dumps(_examined(options.library, options.names[0], options.episodes)))
        return
    names = options.names or import_module(LIBRARIES[options.library]).names()
    rows = []
    for name in names:
        rows.append(_in_a_process(options.library, name, options.episodes))
        print(_line(rows[-1]), file=sys.stderr, flush=True)
        if options.out:
            options.out.write_text(table(rows), encoding="utf-8")
    if not options.out:
        print(table(rows), end="")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(library: str, name: str, episodes: int) -> dict[str, object]:
    command = [sys.executable, "-m", __spec__.name, library, name, "--one", "--episodes", str(episodes)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"name": name, "problem": f"takes longer than {LIMIT_S:g} s for {episodes} episodes"}
    last = (done.stdout.strip().splitlines() or [""])[-1]
    try:
        return dict(json.loads(last))
    except ValueError:
        lines = done.stderr.strip().splitlines() or [""]
        return {"name": name, "problem": f"ends with status {done.returncode}: {lines[-1][:120]}"}


def _examined(library: str, name: str, episodes: int) -> dict[str, object]:
    from arena_games.base import UsageError
    from arena_games.conformance import check_game
    from arena_games.registry import find_game

    row: dict[str, object] = {"name": name}
    try:
        spec = find_game(name)
    except UsageError as error:
        return row | {"problem": str(error)}
    checks = check_game(spec, episodes=episodes)
    row["failed"] = {check.name: check.detail for check in checks if not check.passed}
    row["seats"], row["actions"] = spec.seats, spec.action_count or "text"
    if "random episodes can be played" not in row["failed"]:  # type: ignore[operator]
        row["ours"], row["bare"] = speeds(library, name)
    return row


def speeds(library: str, name: str) -> list[float]:
    """Decisions a second of random play: through the arena's environment, and in the library's own loop."""
    from arena_games.registry import find_game

    spec = find_game(name)
    return rates(lambda: through_the_arena(spec), import_module(LIBRARIES[library]).bare_loop(name))


def rates(*loops: Callable[[], Iterator[None]]) -> list[float]:
    """Decisions a second of each loop, the best of three, taken in turn."""
    best = [0.0] * len(loops)
    for _ in range(3):
        for number, loop in enumerate(loops):
            best[number] = max(best[number], rate(loop()))
    return best


def rate(decisions: Iterator[None]) -> float:
    """Decisions a second of processor time, for `MEASURED_S` seconds of it."""
    began, count = time.process_time(), 0
    for _ in decisions:
        count += 1
        if count % 16 == 0 and time.process_time() - began > MEASURED_S:
            break
    return count / (time.process_time() - began)


def through_the_arena(spec) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Random play through the arena's environment, for ever; yields after every decision."""
    import random

    import numpy as np

    from arena.match.referee import FEW

    env, rng, seed = spec.make_env(), random.Random(0), 0
    while True:
        env.reset(seed=seed)
        seed += 1
        while env.agents:
            agent = env.agent_selection
            decides = not (env.terminations[agent] or env.truncations[agent])
            view = env.last(observe=decides)[0]
            if not decides:
                env.step(None)
                continue
            mask = view.get("action_mask")
            if mask is not None and len(mask) <= FEW:  # as the referee reads them
                env.step(rng.choice([action for action, legal in enumerate(mask.tolist()) if legal]))
            elif mask is not None:
                env.step(rng.choice(np.flatnonzero(mask).tolist()))
            else:
                env.step(rng.choice(view.get("action_names") or ("[1]",)))
            yield


def table(rows: list[dict[str, object]]) -> str:
    """The rows in Markdown."""
    head = "| game | seats | actions | check-game | decisions/s | the library's own loop | ratio |\n"
    return "\n".join([head + "| --- | --- | --- | --- | --- | --- | --- |", *map(_line, rows)]) + "\n"


def _line(row: dict[str, object]) -> str:
    failed = row.get("failed")
    said = row.get("problem") or "; ".join(f"{name}: {detail}" for name, detail in dict(failed or {}).items())
    said = str(said).replace("|", "\\|").replace("\n", " ") or "passes"
    ours, bare = row.get("ours"), row.get("bare")
    speed = speed_cells(ours, bare) if ours and bare else ["–"] * 3  # type: ignore[arg-type]
    cells = [f"`{row['name']}`", row.get("seats", "–"), row.get("actions", "–"), said[:300], *speed]
    return f"| {' | '.join(map(str, cells))} |"


def speed_cells(ours: float, bare: float) -> list[str]:
    """Both speeds, and the first as a share of the second."""
    return [f"{ours:,.0f}", f"{bare:,.0f}", f"{ours / bare:.0%}"]


if __name__ == "__main__":
    main()
