"""The tables of `arena eval`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.match.evaluate import EvalRow
from arena.match.paired import PairedRow, SkinRow
from arena.untrusted import one_line
from arena.views.numbers import UNKNOWN

SEVERAL = "Each interval holds for itself: of many, one in twenty misses."


def show_rows(rows: Sequence[EvalRow], pairs: Sequence[PairedRow] = (), *, several: bool = False) -> None:
    """Print what agents scored, game by game, and by how much those of each pair differ."""
    console = Console()
    console.print(_evaluation_table(rows, several=several))
    if not pairs:
        return
    console.print(Text(), _pairs_table(pairs), sep="\n")
    if len({(pair.agent, pair.other) for pair in pairs}) > 1:
        console.print(Text(SEVERAL, "dim"))


def show_drops(drops: Sequence[SkinRow]) -> None:
    """Print what an agent loses by skins."""
    Console().print(_drops_table(drops))


def _drops_table(drops: Sequence[SkinRow]) -> Table:
    table = _table("game", f"Plain and in {drops[0].skins} skins, seed by seed")
    table.add_column("")
    for heading in ("n", "plain", "skinned", "drop", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in drops:
        means = f"{row.plain_return:.2f}", f"{row.skinned_return:.2f}", f"{row.return_drop:+.2f}"
        table.add_row(
            Text(row.game), "return", str(row.episodes), *means, _ends(row.return_drop_ci95, "+.2f")
        )
        shares = f"{row.plain_success:.1%}", f"{row.skinned_success:.1%}", f"{row.success_drop:+.1%}"
        table.add_row("", "success", "", *shares, _percents(row.success_drop_ci95, "+.1f"))
    return table


def _evaluation_table(rows: Sequence[EvalRow], *, several: bool) -> Table:
    again = any(row.first_invalid_rate != row.invalid_rate for row in rows)
    table = _table("game", None)
    if several:
        table.add_column("agent", overflow="fold")
    shown = ("return", "95% interval", "success", "95% interval", "invalid", *["at first"][:again])
    for heading in ("n", *shown):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.game),
            *[Text(one_line(row.agent))][:several],
            str(row.episodes),
            f"{row.mean_return:.2f}",
            _ends(row.return_ci95, ".2f"),
            f"{row.success_rate:.1%}",
            _percents(row.success_ci95, ".1f"),
            f"{row.invalid_rate:.1%}",
            *[f"{row.first_invalid_rate:.1%}"][:again],
        )
    return table


def _table(first: str, title: str | None) -> Table:
    """A plain table; its title is shown as it is."""
    bold = None if title is None else Text(title, style="bold")
    table = Table(box=None, pad_edge=False, title=bold, title_justify="left")
    table.add_column(first)
    return table


def _percents(interval: tuple[float, float] | None, form: str) -> str:
    return _ends(None if interval is None else (100 * interval[0], 100 * interval[1]), form)


def _ends(interval: tuple[float, float] | None, form: str) -> str:
    return UNKNOWN if interval is None else f"{interval[0]:{form}} … {interval[1]:{form}}"


def _pairs_table(pairs: Sequence[PairedRow]) -> Table:
    names = [f"{one_line(pair.agent)} less {one_line(pair.other)}" for pair in pairs]
    several = len(set(names)) > 1
    table = _table("game", "Differences, seed by seed" if several else f"{names[0]}, seed by seed")
    if several:
        table.add_column("", overflow="fold")
    for heading in ("n", "return", "95% interval", "success", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for pair, name in zip(pairs, names, strict=True):
        table.add_row(
            Text(pair.game),
            *[Text(name)][:several],
            str(pair.episodes),
            f"{pair.return_difference:+.2f}",
            _ends(pair.return_difference_ci95, "+.2f"),
            f"{pair.success_difference:+.1%}",
            _percents(pair.success_difference_ci95, "+.1f"),
        )
    return table
