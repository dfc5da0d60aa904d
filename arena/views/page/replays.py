"""Stored matches as the page's replay player reads them: small JSON in which what repeats stands once."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from arena.match.episode import Episode
from arena.untrusted import escaped_name, escaped_text, note_of_the_rest
from arena.views.page.selection import Selected
from arena.views.terminal.frames import Frame, Replay, ending, frame
from arena.views.terminal.recorded import stored_replay
from arena_games.board import Board, Cell

LONGEST = 4_000  # characters of a text that the page carries
LARGEST = 64  # cells in a row and rows of a board that is drawn
BUDGET = 3_000_000  # bytes of JSON, an upper estimate; the page is to stay below 5 MB


class Pool:
    """Values by their position; a value that is put in again keeps its first one."""

    def __init__(self) -> None:
        self._positions: dict[Hashable, int] = {}

    def put(self, value: Hashable) -> int:
        return self._positions.setdefault(value, len(self._positions))

    def values(self) -> list[Any]:
        return list(self._positions)


class Archive:
    """Collects matches. Texts are lists of lines and boards rows of cells; each line, cell and board once."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._left = budget
        self._lines, self._cells, self._boards = Pool(), Pool(), Pool()
        self._matches: list[dict[str, Any]] = []

    def add(self, found: Selected, episode: Episode) -> bool:
        """Take the match in if there is still room for it; whether there was."""
        if not self.reserve(cost(episode)):
            return False
        facts = {
            "number": found.match.number,
            "seed": str(episode.seed),  # too large for a number of JavaScript
            "why": found.why,
            "position": found.position,
            "placements": episode.placements,
            "ending": escaped_name(ending(episode), 400),
        }
        self.put(stored_replay(episode), facts)
        return True

    def reserve(self, size: int) -> bool:
        """Whether so many bytes still fit, which are then taken."""
        fits = size <= self._left
        self._left -= size if fits else 0
        return fits

    def put(self, replay: Replay, facts: Mapping[str, Any], beside: Sequence[Mapping[str, Any]] = ()) -> None:
        """Keep a match with the `facts` of it, and what stands `beside` each decision, if anything."""
        reasonings = (*(step.reply.reasoning for step in replay.episode.steps), None)
        frames = [
            self._frame(frame(replay, position), reasoning) for position, reasoning in enumerate(reasonings)
        ]
        for one, more in zip(frames, beside, strict=False):  # nothing stands beside the closing frame
            one.update(more)
        self._matches.append(
            {
                **facts,
                "game": escaped_name(replay.episode.game),
                "players": [escaped_name(player) for player in replay.episode.players],
                "notice": escaped_name(replay.notice, 400) if replay.notice else "",
                "frames": frames,
            }
        )

    def to_json(self) -> dict[str, Any]:
        """What the player reads: the matches by game, of each game in the order in which they were added."""
        return {
            "lines": self._lines.values(),
            "cells": [[cell.symbol, cell.tone, cell.seat, cell.strong] for cell in self._cells.values()],
            "boards": [{"legend": legend, "rows": rows} for legend, rows in self._boards.values()],
            "matches": sorted(self._matches, key=lambda match: str(match["game"])),
        }

    def _frame(self, seen: Frame, reasoning: str | None) -> dict[str, Any]:
        return {
            "seat": seen.seat,
            "turn": None if seen.observation is None else seen.observation.turn,
            "board": None if seen.board is None else self._board(seen.board),
            "text": [] if seen.observation is None else self._text(seen.observation.text),
            "reply": None if seen.reply is None else self._text(seen.reply),
            "reasoning": None if reasoning is None else self._text(reasoning),
            "action": None if seen.action is None else escaped_name(seen.action),
            "invalid": None if seen.invalid is None else escaped_name(seen.invalid, 300),
            "reward": seen.reward,
            "returns": seen.returns,
        }

    def _text(self, text: str) -> list[int]:
        """Positions of its lines; where it is too long to carry, a last line says so."""
        lines = escaped_text(text[:LONGEST]).split("\n")
        if len(text) > LONGEST:
            lines.append(note_of_the_rest(text, LONGEST))
        return [self._lines.put(line) for line in lines]

    def _board(self, board: Board) -> int | None:
        if not (0 < len(board.rows) <= LARGEST and all(0 < len(row) <= LARGEST for row in board.rows)):
            return None
        rows = tuple(tuple(self._cells.put(_escaped(cell)) for cell in row) for row in board.rows)
        return self._boards.put((escaped_name(board.legend, 200), rows))


def _escaped(cell: Cell) -> Cell:
    return Cell(escaped_text(cell.symbol)[:2], cell.tone, cell.seat, cell.strong)


def cost(episode: Episode) -> int:
    """An upper estimate of the match's bytes in the page."""
    texts = {
        text
        for step in episode.steps
        for text in (step.observation.text, step.reply.text, step.reply.reasoning or "")
    }
    return 200 * len(episode.steps) + sum(len(json.dumps(text[:LONGEST])) for text in texts)


def archive(
    wanted: Iterable[Selected], load: Callable[[int], Episode | None], budget: int = BUDGET
) -> dict[str, Any]:
    """As many of the wanted matches as fit into `budget` bytes; `load` reads one by its number."""
    collected = Archive(budget)
    for found in wanted:
        episode = load(found.match.number)
        if episode is not None:
            collected.add(found, episode)
    return collected.to_json()
