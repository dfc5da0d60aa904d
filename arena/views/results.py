"""What the commands print: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.choices import Format, TrainMode
from arena.match.evaluate import EvalRow, evaluate
from arena.match.match import MatchConfig
from arena.record.store import Store
from arena.tournament.plan import Tournament
from arena.tournament.run import UntilSeparated, run
from arena.untrusted import one_line
from arena.views.spending import show_spending, spending_json
from arena.views.tournament_progress import TournamentDisplay
from arena_agents import Agent
from arena_agents.base import Sampling
from arena_agents.engines.choose import parse_engine
from arena_agents.registry import make_agent
from arena_agents.spec import parse_decode, with_decode
from arena_games.base import UsageError
from arena_games.registry import select_games
from arena_leaderboard import (
    Leaderboard,
    render_csv,
    render_json,
    render_markdown,
    render_rich,
    render_svg,
    standings,
)

DEADLINE_S = 300.0


def warn(text: str) -> None:
    """One line on stderr."""
    print(f"arena: {one_line(text)}", file=sys.stderr)


def note(text: str) -> None:
    """One line on stderr that warns of nothing."""
    print(one_line(text), file=sys.stderr)


def hold_tournament(
    games: str,
    agents: str,
    out: Path,
    *,
    seed: int,
    matches: int,
    train: TrainMode,
    deadline_s: float,
    until: UntilSeparated | None = None,
    engine: str = "auto",
    decode: str | None = None,
) -> bool:
    """Play a tournament to its end and show the leaderboard; whether all was trained and played."""
    tournament = Tournament.of(games, agents, out, seed=seed, matches=matches, decode=parse_decode(decode))
    engine_name = parse_engine(engine)
    display = TournamentDisplay(Console(stderr=True))
    report = run(
        tournament, train=train, deadline_s=deadline_s, display=display, until=until, engine=engine_name
    )
    render_rich(standings(report.results), Console())
    if report.verdict is not None:
        print(one_line(str(report.verdict)))
    show_spending(report.spending, Console())
    note(f"arena report {out} makes a page of it")
    for training, error in report.failed.items():
        warn(f"{training.name} could not be trained and was left out: {error}; see {training.folder}")
    for agent, errors in report.cut_short.items():
        warn(f"{agent}: {len(errors)} matches remain to be played, repeat the command; {errors[-1]}")
    return not (report.failed or report.cut_short)


def played_on(until_separated: bool, max_matches: int | None) -> UntilSeparated | None:
    """What the two options say together. Raises UsageError for a budget of nothing."""
    if max_matches is not None and not until_separated:
        raise UsageError("--max-matches bounds --until-separated; add it, or use --matches")
    return UntilSeparated(max_matches) if until_separated else None


def show_leaderboard(folder: Path, format: Format) -> None:
    """Print the leaderboard of a tournament's folder in one of the formats."""
    with Store.read(folder) as store:
        board, spending = standings(store.results()), store.spending()
    if format == Format.RICH:
        render_rich(board, Console())
        show_spending(spending, Console())
        return
    renderers: dict[Format, Callable[[Leaderboard], str]] = {
        Format.JSON: partial(render_json, replies=spending_json(spending)),
        Format.CSV: render_csv,
        Format.MD: render_markdown,
        Format.SVG: render_svg,
    }
    print(renderers[format](board).rstrip("\n"))


def show_evaluation(
    agent: str,
    games: str,
    *,
    episodes: int,
    seed: int,
    opponents: str,
    as_json: bool,
    template: Path | None,
    temperature: float | None,
    engine: str = "auto",
    decode: str | None = None,
) -> None:
    """Print what an agent scores, as a table or as JSON."""
    agent = with_decode(agent, parse_decode(decode))
    made = make_agent(agent, template=template, engine=parse_engine(engine))
    rows = evaluate(
        agent,
        made if temperature is None else _at_temperature(made, agent, temperature),
        select_games(games),
        episodes=episodes,
        seed=seed,
        opponent=make_agent(opponents),
        config=MatchConfig(deadline_s=DEADLINE_S),
    )
    for row in rows:
        if row.errors:
            warn(f"{row.game}: {row.errors} episodes ended in an error and do not count: {row.first_error}")
    if as_json:
        print(json.dumps([row.model_dump(mode="json") for row in rows], indent=2, allow_nan=False))
    else:
        Console().print(_evaluation_table(rows))


def _at_temperature(agent: Agent, spec: str, temperature: float) -> Agent:
    sampling = getattr(agent, "sampling", None)
    if not isinstance(sampling, Sampling):
        raise UsageError(f"--temperature is for language models, and {spec} is none; leave it out")
    agent.sampling = replace(sampling, temperature=temperature)  # type: ignore[attr-defined]
    return agent


def _evaluation_table(rows: list[EvalRow]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("game")
    for heading in ("episodes", "return", "95% interval", "success", "invalid"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            Text(row.game),
            str(row.episodes),
            f"{row.mean_return:.2f}",
            f"{row.return_ci95[0]:.2f} … {row.return_ci95[1]:.2f}",
            f"{row.success_rate:.1%}",
            f"{row.invalid_rate:.1%}",
        )
    return table


def show_checks(spec: str, *, episodes: int, seed: int) -> bool:
    """Run the conformance suite on a game and print each check; whether all of them passed."""
    from arena_games.conformance import check_game
    from arena_games.registry import load_game

    checks = check_game(load_game(spec), episodes=episodes, seed=seed)
    console = Console()
    for check in checks:
        mark = Text("ok    ", "green") if check.passed else Text("FAILED", "bold red")
        detail = "" if check.passed else f": {one_line(check.detail)}"
        console.print(Text.assemble(mark, "  ", check.name, detail))
    return all(check.passed for check in checks)
