"""`arena eval`: what one agent scores on held-out seeds, in skins too, or two and by how much they differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.match.evaluate import Conditions, EvalRow, evaluate_all
from arena.match.match import MatchConfig
from arena.match.paired import PairedRow, SkinRow, evaluate_pair, evaluate_skins
from arena.untrusted import one_line
from arena.views.messages import warn
from arena.views.numbers import UNKNOWN
from arena.views.options import EvaluationOptions
from arena_agents import Agent
from arena_agents.base import Sampling
from arena_agents.engines.choose import parse_engine
from arena_agents.registry import make_agent
from arena_agents.sandbox import Sandbox
from arena_agents.spec import with_defaults
from arena_games.base import GameSpec, UsageError
from arena_games.registry import remembering, select_games
from arena_games.skins import both

MANY = 0.1  # so many invalid replies are worth a word of why


def show_evaluation(options: EvaluationOptions, *, as_json: bool) -> None:
    """Print what an agent scores, as a table or as JSON."""
    spec = with_defaults(options.agent, options.defaults)
    sandbox = Sandbox(
        in_process=options.in_process, memory_gib=options.agent_memory_gib, cpu_s=options.agent_cpu_s
    )
    if options.skins is not None and options.other is not None:
        raise UsageError("--skins compares an agent with itself; leave the other agent out")
    # A mistyped name is found before a model is loaded, which may take minutes.
    games = [remembering(game, options.memory) for game in select_games(options.games, options.game_set)]
    opponent = make_agent(options.opponents, sandbox=sandbox)
    conditions = Conditions(
        options.episodes,
        options.seed,
        opponent,
        MatchConfig(deadline_s=options.deadline_s, rethink=options.rethink),
    )
    no_pairs: list[PairedRow] = []
    if options.skins is not None:
        _show_skins(spec, _agent(spec, options, sandbox), games, conditions, options.skins, as_json=as_json)
        return
    if options.other is None:
        rows, pairs = evaluate_all(spec, _agent(spec, options, sandbox), games, conditions), no_pairs
    else:
        names = spec, with_defaults(options.other, options.defaults)
        agents = _agent(names[0], options, sandbox), _agent(names[1], options, sandbox)
        rows, pairs = evaluate_pair(names, agents, games, conditions)
    _warn(rows)
    if as_json:
        shown = [row.model_dump(mode="json") for row in rows]
        paired = {"agents": shown, "differences": [pair.model_dump(mode="json") for pair in pairs]}
        print(json.dumps(paired if pairs else shown, indent=2, allow_nan=False))
        return
    if not pairs:
        Console().print(_evaluation_table(rows))
        return
    for first in (0, 1):  # the rows of both take turns, game by game
        Console().print(_evaluation_table(rows[first::2], one_line(rows[first].agent)))
    Console().print(_pairs_table(pairs))


def _show_skins(
    name: str, agent: Agent, games: Sequence[GameSpec], conditions: Conditions, skins: int, *, as_json: bool
) -> None:
    """What the agent scores on each game and on the same game in skins, and what it loses by them."""
    both(games, skins)  # a game without skins is named before any is played
    rows, drops = evaluate_skins(name, agent, games, conditions, skins)
    _warn(rows)
    if as_json:
        shown = {
            "agents": [row.model_dump(mode="json") for row in rows],
            "drops": [drop.model_dump(mode="json") for drop in drops],
        }
        print(json.dumps(shown, indent=2, allow_nan=False))
        return
    Console().print(_evaluation_table(rows))
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


def _warn(rows: list[EvalRow]) -> None:
    for row in rows:
        if row.forfeits:
            warn(f"{row.game}: {row.forfeits} episodes ended in the agent's own failure: {row.first_error}")
        if row.errors:
            warn(f"{row.game}: {row.errors} episodes ended in an error and do not count: {row.first_error}")
        if row.first_invalid is not None and row.invalid_rate >= MANY:
            warn(f"{row.game}: {row.invalid_rate:.0%} of replies cannot be played; first {row.first_invalid}")


def _agent(spec: str, options: EvaluationOptions, sandbox: Sandbox) -> Agent:
    engine = parse_engine(options.engine)
    made = make_agent(spec, template=options.template, engine=engine, sandbox=sandbox)
    if options.temperature is None:
        return made
    return _at_temperature(made, spec, options.temperature)


def _at_temperature(agent: Agent, spec: str, temperature: float) -> Agent:
    sampling = getattr(agent, "sampling", None)
    if not isinstance(sampling, Sampling):
        raise UsageError(f"--temperature is for language models, and {spec} is none; leave it out")
    agent.sampling = replace(sampling, temperature=temperature)  # type: ignore[attr-defined]
    return agent


def _evaluation_table(rows: Sequence[EvalRow], title: str | None = None) -> Table:
    again = any(row.first_invalid_rate != row.invalid_rate for row in rows)
    table = _table("game", title)
    shown = ("return", "95% interval", "success", "95% interval", "invalid", *["at first"][:again])
    for heading in ("n", *shown):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row.game),
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


def _pairs_table(pairs: list[PairedRow]) -> Table:
    table = _table("game", f"{one_line(pairs[0].agent)} less {one_line(pairs[0].other)}, seed by seed")
    for heading in ("n", "return", "95% interval", "success", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for pair in pairs:
        table.add_row(
            Text(pair.game),
            str(pair.episodes),
            f"{pair.return_difference:+.2f}",
            _ends(pair.return_difference_ci95, "+.2f"),
            f"{pair.success_difference:+.1%}",
            _percents(pair.success_difference_ci95, "+.1f"),
        )
    return table
