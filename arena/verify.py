"""`arena verify`: is this run what was played? Every stored episode is played again and compared.

Three nets, each for what the others let through: SQLite's check and the texts' digests for the file,
a seal per episode for what was stored of it, and playing it again for whether that can be true.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from arena.failures import one_line
from arena.rerun import differences
from arena.store import FILE_NAME, Store
from arena.table import EnvPool
from arena_games.base import UsageError
from arena_games.registry import find_game

CHUNK = 100  # episodes that are checked at a stretch
PARALLEL_FROM = 1000  # episodes; below that, starting processes takes longer than it saves
SHOWN = 20  # faults that are printed
LINE_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked and what is wrong with it, one line each. `games` counts what was played again."""

    episodes: int
    games: Counter[str]
    faults: list[str]


def verify(folder: Path, console: Console, *, processes: int | None = None) -> Checked:
    """Check the run in `folder`, with progress on `console`; by default on all cores if it is large.

    The run is only read; it may be playing still. Raises UsageError if there is none.
    """
    if not (folder / FILE_NAME).is_file():
        Store.read(folder)  # says so, and how to make one
    faults: list[str] = []
    numbers: list[int] = []
    try:
        with Store.read(folder) as store, console.status("checking the file"):
            faults += store.faults()
            numbers = store.numbers()
    except UsageError as error:
        faults.append(_cause(error))
    games: Counter[str] = Counter()
    for checked in _shown(_check_all(folder, numbers, processes), len(numbers), console):
        games += checked.games
        faults += checked.faults
    return Checked(len(numbers), games, faults)


def _check_all(folder: Path, numbers: Sequence[int], processes: int | None) -> Iterator[Checked]:
    chunks = [numbers[first : first + CHUNK] for first in range(0, len(numbers), CHUNK)]
    processes = processes or ((os.cpu_count() or 1) if len(numbers) >= PARALLEL_FROM else 1)
    if processes == 1:
        yield from map(partial(check, folder), chunks)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(partial(check, folder), chunks)


def check(folder: Path, numbers: Sequence[int]) -> Checked:
    """Check some episodes of a run: seal first, then the replay, which can say what is wrong."""
    games: Counter[str] = Counter()
    faults, envs = [], EnvPool()
    with Store.read(folder) as store:
        for number in numbers:
            try:
                game, fault = _check_one(store, number, envs)
                games[game] += 1
            except UsageError as error:
                fault = f"{store.name_of(number)} cannot be read: {_cause(error)}"
            if fault is not None:
                faults.append(one_line(fault))
    return Checked(len(numbers), games, faults)


def _cause(error: UsageError) -> str:
    """What is wrong, without the remedy for those who only wanted to use the run."""
    return one_line(str(error.__cause__ or error))


def _check_one(store: Store, number: int, envs: EnvPool) -> tuple[str, str | None]:
    """The episode's game and its fault. Raises UsageError if it cannot be read, or its game is unknown."""
    broken = store.broken_seal(number)
    episode = store.episode(number)
    if episode is None:
        raise UsageError("it is not where the index says")
    difference = next(differences(episode, find_game(episode.game), envs), None)
    if broken is None:
        return episode.game, None if difference is None else str(difference)
    return episode.game, str(difference) if difference else f"{episode.id} {broken}"


def _shown(found: Iterator[Checked], total: int, console: Console) -> Iterator[Checked]:
    """The same, while a bar runs in a terminal and now and then a line is written elsewhere."""
    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("episodes  ETA"),
        TimeRemainingColumn(compact=True),
    )
    last_line = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total)
        for checked in found:
            yield checked
            bars.advance(task, checked.episodes)
            if not console.is_terminal and time.monotonic() - last_line > LINE_EVERY_S:
                last_line = time.monotonic()
                done, left = bars.tasks[0].completed, bars.tasks[0].time_remaining or 0.0
                console.print(Text(f"{done:,.0f} of {total:,} episodes verified, {left:.0f} s left"))


def show_verification(folder: Path) -> bool:
    """Verify a run and print what was found; whether it is all as it was played."""
    began = time.monotonic()
    found = verify(folder, Console(stderr=True))
    seconds = time.monotonic() - began
    for fault in found.faults[:SHOWN]:
        print(fault)
    if len(found.faults) > SHOWN:
        print(f"and {len(found.faults) - SHOWN:,} more")
    verdict = f"{len(found.faults):,} faults" if found.faults else "all as stored"
    print(
        f"{one_line(str(folder))}: {found.episodes:,} episodes of {len(found.games)} games played again "
        f"in {seconds:.1f} s ({found.episodes / seconds:.0f} episodes/s): {verdict}"
    )
    return not found.faults
