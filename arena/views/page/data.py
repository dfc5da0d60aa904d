"""What the page tells of a run, read from its folder once; a running tournament's too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from arena.record.board import board_of
from arena.record.paired import SkinDrop, skin_drops
from arena.record.plays import Faults
from arena.record.store import Store
from arena.record.trust import untrusted_games
from arena.record.usages import Spending
from arena.views.curves import Curve, learning_curves
from arena.views.messages import warn
from arena.views.page.matrix import Matrix, duel_matrix, transfer_matrix
from arena.views.page.replays import archive
from arena.views.page.selection import selected
from arena_leaderboard import Circles, HeadToHead, Leaderboard, circles, head_to_head


@dataclass(frozen=True, slots=True)
class RunData:
    """A tournament as the page shows it. `duels` are keyed by game, "" for all games together."""

    name: str
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    matches: int
    decisions: int
    board: Leaderboard
    duels: Mapping[str, Matrix]
    transfer: Matrix | None
    curves: tuple[Curve, ...]
    replays: Mapping[str, Any]
    spending: Mapping[str, Spending]
    invalid: Faults
    skins: Sequence[SkinDrop] = ()
    circles: Circles | None = None


def read_run(folder: Path, *, trust: bool = False) -> RunData:
    """Read the tournament in `folder`, and with `trust` load games that are code. Raises UsageError if there
    is none.
    """
    with Store.read(folder) as store:
        for game in untrusted_games(store, trust=trust):
            warn(f"{game} is Python code and was not run; arena report {quote(str(folder))} --trust runs it")
        config, environment = store.meta("config"), store.meta("environment")
        results, spending, invalid = store.results(), store.spending(), store.invalid_replies()
        board = board_of(store)
        replays = archive(selected(store.summaries()), store.episode)
    ranked = [standing.agent for standing in board.overall if standing.rating]
    met = head_to_head(results, ranked)
    return RunData(
        name=folder.absolute().name,
        config=config,
        environment=environment,
        matches=len(results),
        decisions=sum(sum(result.decisions) for result in results),
        board=board,
        duels=_duels(met) if len(ranked) > 1 else {},
        circles=circles(met, board.fits.get(None)),
        transfer=transfer_matrix(board, config.get("agents", {})),
        curves=tuple(learning_curves(folder)),
        replays=replays,
        spending=spending,
        invalid=invalid,
        skins=skin_drops(results),
    )


def _duels(found: HeadToHead) -> dict[str, Matrix]:
    return {
        "": duel_matrix(found.agents, found.overall),
        **{game: duel_matrix(found.agents, duels) for game, duels in found.games.items()},
    }
