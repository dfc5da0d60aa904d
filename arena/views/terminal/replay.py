"""`arena replay`: a stored match, step by step; without a match, those that are worth a look."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.match.episode import Episode
from arena.record.notable import MatchSummary, Notable, notable
from arena.record.store import FILE_NAME, Store, matches_folder
from arena.record.tables import episode_json
from arena.record.trust import untrusted_games
from arena.training.sampled import EPISODES
from arena.untrusted import escaped_line
from arena.views.terminal.controls import ReplayControls
from arena.views.terminal.keys import can_read_keys
from arena.views.terminal.plain import PlainPrinter, survive_any_character
from arena.views.terminal.recorded import Recorded, stored_replay
from arena.views.terminal.sampled import show_newest, show_sampled
from arena.views.terminal.screen import show
from arena_games.base import UsageError, points


def show_replay(
    folder: Path,
    match: str | None,
    *,
    speed: float | None = None,
    plain: bool = False,
    as_json: bool = False,
    trust: bool = False,
) -> None:
    """Show the match of that number or id; without one, list the notable ones.

    In a terminal with keys, elsewhere line by line. A game that is a Python file or module is run with
    `trust` only. Raises UsageError if there is no such run or match.
    """
    survive_any_character()
    if only_sampled(folder):
        show_sampled(folder, match, speed=speed, plain=plain, as_json=as_json)
        return
    if as_json:
        print_json(folder, match)
        return
    with Store.read(folder) as store:
        untrusted_games(store, trust=trust)
        if match is None:
            print_notable(folder, store.summaries())
            match = _asked() if can_read_keys() and not plain else None
        if match is None:
            return
        episode, total = find(store, folder, match), len(store.numbers())
    title = f"{episode.game}  match {match} of {total}" if match.isdecimal() else episode.id
    replay = stored_replay(episode)
    if plain or not can_read_keys():
        printer = PlainPrinter(Console(), speed)
        printer.title(f"{episode.id}")
        for position in range(replay.last + 1):
            printer.print(replay, position)
        return
    show(Recorded(replay), ReplayControls(speed=speed or 2.0), title)


def show_latest(
    folder: Path, count: int, *, speed: float | None = None, plain: bool = False, trust: bool = False
) -> None:
    """Show the matches that were stored last, the newest last. Raises UsageError as `show_replay`."""
    if only_sampled(folder):
        show_newest(folder, count, speed=speed, plain=plain)
        return
    with Store.read(folder) as store:
        numbers = store.numbers()
    if not numbers:
        raise UsageError(f"{folder} holds no match yet; look again when some have been played")
    for number in numbers[-count:]:
        show_replay(folder, str(number), speed=speed, plain=plain, trust=trust)


def only_sampled(folder: Path) -> bool:
    """Whether a folder keeps episodes that a training learned from, and no matches."""
    kept = (matches_folder(folder) / FILE_NAME).is_file()
    return not kept and (folder / EPISODES).is_file()


def print_json(folder: Path, match: str | None) -> None:
    """The list of notable matches, or a match with its steps, as JSON."""
    with Store.read(folder) as store:
        if match is None:
            found: Any = [notable_json(one) for one in notable(store.summaries())]
        else:
            found = episode_json(find(store, folder, match))
    print(json.dumps(found, indent=2, allow_nan=False))


def notable_json(found: Notable) -> dict[str, Any]:
    """A notable match's summary, why it is one, and the position of the decision to look at."""
    return {**asdict(found.match), "why": [str(why) for why in found.why], "position": found.position}


def _asked() -> str | None:
    """The match that the user types, None for none."""
    try:
        return input("Which one? (Enter: none) ").strip() or None
    except EOFError:
        return None


def find(store: Store, folder: Path, match: str) -> Episode:
    """The stored match of that number or id. Raises UsageError if there is none."""
    number = int(match) if match.isascii() and match.isdecimal() and len(match) < 19 else None
    episode = store.episode(match if number is None else number)
    if episode is None:
        numbers = store.numbers()
        held = f"numbers {numbers[0]} to {numbers[-1]}" if numbers else "none yet"
        raise UsageError(f"{folder} holds no match {match!r}, only {held}; see {_command(folder)}")
    return episode


def print_notable(folder: Path, matches: list[MatchSummary]) -> None:
    """Print the notable matches of a run. Raises UsageError if it has none at all."""
    if not matches:
        raise UsageError(
            f"{folder} holds no match yet; play some with arena tournament --out {quote(str(folder))}"
        )
    console = Console()
    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("game", no_wrap=True)
    table.add_column("why")
    table.add_column("moves", justify="right", no_wrap=True)
    table.add_column("agents, points")
    for found in notable(matches):
        table.add_row(*_row(found))
    console.print(table)
    how = f"{_command(folder)} NUMBER, from 1 to {matches[-1].number}"
    rest = f"Any of the {len(matches):,} matches: {how}"
    console.print(Text(f"\n{rest}"), soft_wrap=True)


def _command(folder: Path) -> str:
    return f"arena replay {quote(str(folder))}"


def _row(found: Notable) -> tuple[Text, ...]:
    match = found.match
    agents = ", ".join(
        f"{escaped_line(match.players[seat], 24)} {points(match.returns[seat])}" for seat in match.open_seats
    )
    why = ", ".join(found.why)
    return Text(str(match.number)), Text(match.game), Text(why), Text(str(match.decisions)), Text(agents)
