"""`arena eval`: what one agent scores on held-out seeds."""

from __future__ import annotations

import json
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.match.evaluate import EvalRow, evaluate
from arena.match.match import MatchConfig
from arena.tournament.options import DEADLINE_S
from arena.views.messages import warn
from arena.views.numbers import UNKNOWN
from arena.views.options import EvaluationOptions
from arena_agents import Agent
from arena_agents.base import Sampling
from arena_agents.engines.choose import parse_engine
from arena_agents.registry import make_agent
from arena_agents.sandbox import Sandbox
from arena_agents.spec import with_defaults
from arena_games.base import UsageError
from arena_games.registry import remembering, select_games


def show_evaluation(options: EvaluationOptions, *, as_json: bool) -> None:
    """Print what an agent scores, as a table or as JSON."""
    spec = with_defaults(options.agent, options.defaults)
    sandbox = Sandbox(in_process=options.in_process, memory_gib=options.agent_memory_gib)
    # A mistyped name is found before a model is loaded, which may take minutes.
    games = [remembering(game, options.memory) for game in select_games(options.games)]
    opponent = make_agent(options.opponents, sandbox=sandbox)
    rows = evaluate(
        spec,
        _agent(spec, options, sandbox),
        games,
        episodes=options.episodes,
        seed=options.seed,
        opponent=opponent,
        config=MatchConfig(deadline_s=DEADLINE_S, rethink=options.rethink),
    )
    for row in rows:
        if row.forfeits:
            warn(f"{row.game}: {row.forfeits} episodes ended in the agent's own failure: {row.first_error}")
        if row.errors:
            warn(f"{row.game}: {row.errors} episodes ended in an error and do not count: {row.first_error}")
    if as_json:
        print(json.dumps([row.model_dump(mode="json") for row in rows], indent=2, allow_nan=False))
    else:
        Console().print(_evaluation_table(rows))


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


def _evaluation_table(rows: list[EvalRow]) -> Table:
    again = any(row.first_invalid_rate != row.invalid_rate for row in rows)
    table = Table(box=None, pad_edge=False)
    table.add_column("game")
    shown = ("return", "95% interval", "success", "95% interval", "invalid", *["at first"][:again])
    for heading in ("episodes", *shown):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            Text(row.game),
            str(row.episodes),
            f"{row.mean_return:.2f}",
            _ends(row.return_ci95, ".2f"),
            f"{row.success_rate:.1%}",
            _ends(row.success_ci95, ".1%"),
            f"{row.invalid_rate:.1%}",
            *[f"{row.first_invalid_rate:.1%}"][:again],
        )
    return table


def _ends(interval: tuple[float, float] | None, form: str) -> str:
    return UNKNOWN if interval is None else f"{interval[0]:{form}} … {interval[1]:{form}}"
