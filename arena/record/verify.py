"""`arena verify`: is this run what was played? Every stored episode is resimulated and compared.

Three nets, each for what the others let through: SQLite's check and the texts' digests for the file,
a seal per episode for what was stored of it, and resimulating it for whether that can be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from shlex import quote

from arena.machine.hardware import cores
from arena.match.referee import EnvPool
from arena.match.resimulate import discrepancies, reading_exactly
from arena.record.store import FILE_NAME, Store
from arena.record.trust import untrusted_games
from arena.untrusted import one_line
from arena_games.base import UsageError
from arena_games.registry import stored_game

CHUNK = 100  # episodes that are checked at a stretch
PARALLEL_FROM = 1000  # episodes; below that, starting processes takes longer than it saves


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked and what is wrong with it, one line each. `games` counts what was resimulated."""

    episodes: int
    games: Counter[str]
    faults: list[str]


# Passes on what is found, of so many episodes in all, and may show how far it is.
Watch = Callable[[Iterator[Checked], int], Iterator[Checked]]


def unwatched(found: Iterator[Checked], total: int) -> Iterator[Checked]:
    """Passes on what is found and shows nothing."""
    return found


def verify(
    folder: Path, watch: Watch = unwatched, *, processes: int | None = None, trust: bool = False
) -> Checked:
    """Check the run in `folder`: its file first, then its episodes, in the sight of `watch`.

    By default on all cores if it is large. The run is only read; it may be playing still. Raises UsageError
    if there is none, and for games that are the user's own code unless `trust` lets it run.
    """
    if not (folder / FILE_NAME).is_file():
        Store.read(folder)  # says so, and how to make one
    faults: list[str] = []
    numbers: list[int] = []
    code: list[str] = []
    try:
        with Store.read(folder) as store:
            faults += store.faults()
            numbers = store.numbers()
            code = untrusted_games(store, trust=trust)
    except UsageError as error:
        faults.append(_cause(error))
    if code:
        raise UsageError(
            f"{folder} was played with {', '.join(code)}, which is Python code; "
            f"arena verify {quote(str(folder))} --trust runs it"
        )
    games: Counter[str] = Counter()
    for checked in watch(_check_all(folder, numbers, processes, trust), len(numbers)):
        games += checked.games
        faults += checked.faults
    return Checked(len(numbers), games, faults)


def _check_all(folder: Path, numbers: Sequence[int], processes: int | None, trust: bool) -> Iterator[Checked]:
    chunks = [numbers[first : first + CHUNK] for first in range(0, len(numbers), CHUNK)]
    processes = processes or (cores() if len(numbers) >= PARALLEL_FROM else 1)
    if processes == 1:
        yield from map(partial(check, folder, trust=trust), chunks)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(partial(check, folder, trust=trust), chunks)


def check(folder: Path, numbers: Sequence[int], *, trust: bool = False) -> Checked:
    """Check some episodes of a run: seal first, then the resimulation, which can say what is wrong."""
    games: Counter[str] = Counter()
    faults, envs = [], EnvPool()
    with Store.read(folder) as store:
        if trust:  # a process of its own has loaded none of them yet
            untrusted_games(store, trust=True)
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
    spec = stored_game(episode.game)
    spec = reading_exactly(spec) if store.reads_exactly else spec
    discrepancy = next(discrepancies(episode, spec, envs), None)
    if broken is None:
        return episode.game, None if discrepancy is None else str(discrepancy)
    return episode.game, str(discrepancy) if discrepancy else f"{episode.id} {broken}"
