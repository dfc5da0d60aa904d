"""Sampled episodes as a table for loggers: a row for each decision.

What models and games say is shown as the text that it is: where a logger reads Markdown, as code.
"""

from __future__ import annotations

from collections.abc import Sequence

from arena.training.sampled import SampledEpisode, SampledStep
from arena.untrusted import escaped_line

__all__ = ["COLUMNS", "as_code", "markdown_table", "table_rows"]

COLUMNS = (
    *("episode", "turn", "observation", "reply", "action", "invalid"),
    *("reward", "advantage", "logprob", "return"),
)
LONGEST_CELL = 2_000  # characters

Cell = str | int | float | None


def table_rows(episodes: Sequence[SampledEpisode]) -> list[list[Cell]]:
    """A row for each decision, in the order of `COLUMNS`; `logprob` is the whole reply's, as it was drawn."""
    return [_row(number, one, step) for number, one in enumerate(episodes, 1) for step in one.steps]


def _row(number: int, episode: SampledEpisode, step: SampledStep) -> list[Cell]:
    drawn = [token.logprob for token in step.tokens if token.logprob is not None]
    return [
        *(number, step.turn, step.observation, step.reply, step.action, step.invalid),
        *(step.reward, step.advantage, sum(drawn) if drawn else None, episode.total),
    ]


def as_code(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The rows with their texts as Markdown's code, in which nothing is a link, an image or markup."""
    return [[_code(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def markdown_table(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as a table in Markdown."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *as_code(rows)]
    return "\n".join(f"| {' | '.join(map(_shown, line))} |" for line in lines)


def _code(text: str) -> str:
    return f"`{escaped_line(text, LONGEST_CELL).replace('`', 'ˋ')}`" if text else ""


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return "" if cell is None else str(cell).replace("|", "❘")  # a bar would end the cell
