"""Stored matches as the page's replay player reads them: small JSON in which what repeats stands once."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from arena.match.episode import Episode
from arena.training.sampled import SampledEpisode, SampledStep
from arena.untrusted import escaped_line, escaped_name, escaped_text, note_of_the_rest
from arena.views.page.selection import Selected
from arena.views.terminal.frames import Frame, ending, frame
from arena.views.terminal.recorded import stored_replay
from arena.views.terminal.sampled import sampled_replay
from arena_games.base import points
from arena_games.board import Board, Cell

LONGEST = 4_000  # characters of a text that the page carries
LARGEST = 64  # cells in a row and rows of a board that is drawn
LONGEST_TOKEN = 60  # characters of one that the page carries
MOST_UPDATES = 40  # of a training
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
        cost = _cost(episode)
        if cost > self._left:
            return False
        self._left -= cost
        self._matches.append(self._match(found, episode))
        return True

    def to_json(self) -> dict[str, Any]:
        """What the player reads: the matches by game, of each game in the order in which they were added."""
        return {
            "lines": self._lines.values(),
            "cells": [[cell.symbol, cell.tone, cell.seat, cell.strong] for cell in self._cells.values()],
            "boards": [{"legend": legend, "rows": rows} for legend, rows in self._boards.values()],
            "matches": sorted(self._matches, key=lambda match: str(match["game"])),
        }

    def _match(self, found: Selected, episode: Episode) -> dict[str, Any]:
        replay = stored_replay(episode)
        return {
            "number": found.match.number,
            "game": escaped_name(episode.game),
            "seed": str(episode.seed),  # too large for a number of JavaScript
            "why": found.why,
            "position": found.position,
            "players": [escaped_name(player) for player in episode.players],
            "placements": episode.placements,
            "ending": escaped_name(ending(episode), 400),
            "notice": escaped_name(replay.notice, 400) if replay.notice else "",
            "frames": [
                self._frame(frame(replay, position), None if step is None else step.reply.reasoning)
                for position, step in enumerate((*episode.steps, None))
            ],
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

    def add_sampled(self, number: int, sampled: SampledEpisode) -> bool:
        """Take in an episode that a training kept, if there is still room for it; whether there was."""
        replay = sampled_replay(sampled)
        cost = _cost(replay.episode) + sum(
            40 + len(one.text) for step in sampled.steps for one in step.tokens
        )
        if cost > self._left:
            return False
        self._left -= cost
        steps = (*sampled.steps, None)
        self._matches.append(
            {
                "number": number,
                "game": escaped_name(sampled.game),
                "title": f"update {sampled.step}, return {points(sampled.total)} (episode {number})",
                "why": "",
                "position": 0,
                "players": [escaped_name(player) for player in sampled.players],
                "placements": ["–"] * len(sampled.players),
                "ending": sampled.outcome,
                "notice": sampled.notice,
                "frames": [
                    self._frame(frame(replay, position), None if step is None else step.reasoning)
                    | ({} if step is None else _learned(step))
                    for position, step in enumerate(steps)
                ],
            }
        )
        return True


def _learned(step: SampledStep) -> dict[str, Any]:
    """What a decision was credited with, and its tokens as (text, log-probability, mismatch)."""
    tokens = [[escaped_line(one.text, LONGEST_TOKEN), one.logprob, one.mismatch] for one in step.tokens]
    return {"advantage": step.advantage, "tokens": tokens}


def _escaped(cell: Cell) -> Cell:
    return Cell(escaped_text(cell.symbol)[:2], cell.tone, cell.seat, cell.strong)


def _cost(episode: Episode) -> int:
    """An upper estimate of the match's bytes in the page."""
    texts = {
        text
        for step in episode.steps
        for text in (step.observation.text, step.reply.text, step.reply.reasoning or "")
    }
    return 200 * len(episode.steps) + sum(len(json.dumps(text[:LONGEST])) for text in texts)


def sampled_archive(episodes: Sequence[SampledEpisode], budget: int = BUDGET) -> dict[str, Any]:
    """The episodes of at most about `MOST_UPDATES` updates, evenly chosen, the newest first, as many as fit.

    Their numbers are those of `arena replay`.
    """
    updates = sorted({one.step for one in episodes}, reverse=True)
    wanted = {*updates[:: -(-len(updates) // MOST_UPDATES) or 1], *updates[-1:]}
    collected = Archive(budget)
    for number in range(len(episodes), 0, -1):
        if episodes[number - 1].step in wanted:
            collected.add_sampled(number, episodes[number - 1])
    return collected.to_json()


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
