"""Does a league beat what it is compared with, on every seed? Three trainings a seed, the same episodes each.

    python -m tests.benchmarks.league_seeds GAME [--seeds 0-2] [--steps 40] [--set KEY=VALUE ...]
        [--matches 100] [--out runs/leagues] [--json FILE] [--show]

trains nano with these settings in a league, by plain self-play, and against `random` alone, and plays the
league's best policy against its start, its versions, both others (the best and the last policy of each) and
`random`, on so many test seeds from every seat. What is done already is not done again, and a training that
was interrupted goes on, so it may be had in parts; `--show` only shows what there is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from arena import find_game, train
from arena.match.seeds import Split, episode_seed
from arena.untrusted import slug
from tests.benchmarks.guard import seeds_of
from tests.benchmarks.league import Beaten, against, opponents

ARMS = ("league", "self", "random")
ONLY_LEAGUE = ("league_", "anchors", "pfsp")  # settings that the other arms do not have
ANSWER = "compared.json"


def arm_folder(out: Path, game: str, arm: str, seed: int) -> Path:
    """Where a training lies."""
    return out / f"{slug(game)}-{arm}-{seed}"


def ensure_trained(game: str, arm: str, seed: int, run: Path, steps: int, settings: Sequence[str]) -> None:
    """Train, or go on, unless it has ended."""
    if (run / "last").is_dir():
        return
    if (run / "config.json").is_file():
        train(resume=run)
        return
    own = [one for one in settings if arm == "league" or not one.startswith(ONLY_LEAGUE)]
    train(game, "nano", out=run, seed=seed, steps=steps, opponents=arm, settings=own)


def compared(game: str, seed: int, out: Path, matches: int) -> list[Beaten]:
    """The league's best policy against everyone, played once and kept beside it."""
    runs = {arm: arm_folder(out, game, arm, seed) for arm in ARMS}
    kept = runs["league"] / ANSWER
    if kept.is_file():
        return [Beaten(**row) for row in json.loads(kept.read_text(encoding="utf-8"))]
    others = [f"{arm} {which}={runs[arm] / which}" for arm in ARMS[1:] for which in ("best", "last")]
    named = opponents(str(runs["league"]), [*others, "random=random"], versions=True)
    spec, seeds = find_game(game), [episode_seed(Split.TEST, 0, i) for i in range(matches)]
    rows = [against(spec, str(runs["league"]), name, agent, seeds) for name, agent in named.items()]
    kept.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    return rows


def shown_rows(rows: Sequence[Beaten]) -> list[Beaten]:
    """The others as they are; of the versions the start and the one that is beaten least, by that name."""
    versions = [row for row in rows if row.opponent.startswith("step-")]
    start, *later = sorted(versions, key=lambda row: row.opponent)
    hardest = min(later or [start], key=lambda row: row.share)
    named = [("its start", start), (f"its hardest version, {hardest.opponent}", hardest)]
    return [Beaten(**(asdict(row) | {"opponent": name})) for name, row in named] + [
        row for row in rows if row not in versions
    ]


def table(found: dict[int, list[Beaten]]) -> Table:
    """A row an opponent of a seed."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("seed", "against", "points", "95 %", "matches", ""):
        shown.add_column(heading, justify="left" if heading == "against" else "right")
    for seed, rows in found.items():
        for row in shown_rows(rows):
            interval = f"{row.low:.1%} … {row.high:.1%}"
            shown.add_row(
                str(seed), row.opponent, f"{row.share:.1%}", interval, str(row.matches), row.settled
            )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("game")
    parser.add_argument("--seeds", type=seeds_of, default=range(3))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--matches", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/leagues"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    found: dict[int, list[Beaten]] = {}
    for seed in options.seeds:
        runs = [arm_folder(options.out, options.game, arm, seed) for arm in ARMS]
        for arm, run in zip(ARMS, runs, strict=True):
            if not options.show:
                ensure_trained(options.game, arm, seed, run, options.steps, options.settings)
        if (runs[0] / ANSWER).is_file() or not options.show:
            found[seed] = compared(options.game, seed, options.out, options.matches)
    Console().print(table(found))
    everyone = [row for rows in found.values() for row in rows]
    if everyone:
        beaten, mean = sum(row.settled == "beaten" for row in everyone), fmean(row.share for row in everyone)
        print(f"{beaten} of {len(everyone)} beaten beyond chance; mean share {mean:.1%}")
    if options.json:
        rows = [{"game": options.game, "seed": s, **asdict(row)} for s, rows in found.items() for row in rows]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
