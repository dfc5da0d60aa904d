"""`arena eval`: what agents score on the same held-out seeds, and how they differ; one in skins too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from arena.match.evaluate import Conditions, EvalRow
from arena.match.match import MatchConfig
from arena.match.paired import evaluate_side_by_side, evaluate_skins
from arena.tournament.entrants import check_labels, is_language_model, named, split_agents
from arena.views.evaluation_tables import show_drops, show_rows
from arena.views.messages import warn
from arena.views.options import EvaluationOptions, Pairs
from arena_agents import Agent
from arena_agents.base import Sampling
from arena_agents.engines.choose import parse_engine
from arena_agents.registry import check_agent, is_foreign, make_agent
from arena_agents.sandbox import Sandbox
from arena_agents.spec import split_spec, with_defaults
from arena_games.base import GameSpec, UsageError
from arena_games.registry import remembering, select_games
from arena_games.skins import both

MANY = 0.1  # so many invalid replies are worth a word of why


def show_evaluation(options: EvaluationOptions, *, as_json: bool) -> None:
    """Print what agents score, and of several by how much they differ, as tables or as JSON.

    JSON is a list of `EvalRow` for one agent; for several an object of those and the `differences`.
    """
    specs = _specs(options)
    sandbox = Sandbox(
        in_process=options.in_process, memory_gib=options.agent_memory_gib, cpu_s=options.agent_cpu_s
    )
    if options.skins is not None and len(specs) > 1:
        raise UsageError("--skins compares an agent with itself; leave the other agents out")
    # A mistyped name is found before a model is loaded, which may take minutes.
    games = [remembering(game, options.memory) for game in select_games(options.games, options.game_set)]
    opponent = make_agent(options.opponents, sandbox=sandbox)
    conditions = Conditions(
        options.episodes,
        options.seed,
        opponent,
        MatchConfig(deadline_s=options.deadline_s, rethink=options.rethink),
    )
    if options.skins is not None:
        ((name, spec),) = specs.items()
        _show_skins(name, _agent(spec, options, sandbox), games, conditions, options.skins, as_json=as_json)
        return
    if len(specs) > 1:
        for spec in specs.values():
            if not is_foreign(spec):
                check_agent(spec)
    makers = {name: partial(_agent, spec, options, sandbox) for name, spec in specs.items()}
    rows, pairs = evaluate_side_by_side(makers, games, conditions, _pairs(list(specs), options.pairs))
    _warn(rows, several=len(specs) > 1)
    if as_json:
        shown = [row.model_dump(mode="json") for row in rows]
        paired = {"agents": shown, "differences": [pair.model_dump(mode="json") for pair in pairs]}
        print(json.dumps(paired if pairs else shown, indent=2, allow_nan=False))
        return
    show_rows(rows, pairs, several=len(specs) > 1)


def _specs(options: EvaluationOptions) -> dict[str, str]:
    """The agents' specs by the names that they are shown by.

    Settings that are for language models are given to those of several that are, and to all where none is,
    which then say so.
    """
    asked = [named(part) for word in options.agents for part in split_agents(word)]
    models = [is_language_model(split_spec(spec)[0]) for _, spec in asked]
    chosen = models if any(models) else [True] * len(asked)
    specs = [
        with_defaults(spec, options.defaults) if given else spec
        for (_, spec), given in zip(asked, chosen, strict=True)
    ]
    labels = [label or spec for (label, _), spec in zip(asked, specs, strict=True)]
    if not labels:
        raise UsageError("no agent is named; try arena eval random search")
    check_labels(labels, "a=SPEC b=SPEC")
    return dict(zip(labels, specs, strict=True))


def _pairs(names: list[str], which: Pairs) -> Iterable[tuple[str, str]]:
    every = combinations(names, 2)
    return every if which is Pairs.ALL else ((names[0], other) for other in names[1:])


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
    show_rows(rows)
    show_drops(drops)


def _warn(rows: list[EvalRow], *, several: bool = False) -> None:
    for row in rows:
        where = f"{row.agent}, {row.game}" if several else row.game
        if row.forfeits:
            warn(f"{where}: {row.forfeits} episodes ended in the agent's own failure: {row.first_error}")
        if row.errors:
            warn(f"{where}: {row.errors} episodes ended in an error and do not count: {row.first_error}")
        if row.first_invalid is not None and row.invalid_rate >= MANY:
            warn(f"{where}: {row.invalid_rate:.0%} of replies cannot be played; first {row.first_invalid}")


def _agent(spec: str, options: EvaluationOptions, sandbox: Sandbox) -> Agent:
    engine = parse_engine(options.engine)
    made = make_agent(spec, template=options.template, engine=engine, sandbox=sandbox)
    if options.temperature is None or (_is_no_model(made) and _among_models(options)):
        return made
    return _at_temperature(made, spec, options.temperature)


def _is_no_model(agent: Agent) -> bool:
    return not isinstance(getattr(agent, "sampling", None), Sampling)


def _among_models(options: EvaluationOptions) -> bool:
    """Whether another agent is a language model, for which a temperature may be meant."""
    return any(is_language_model(split_spec(spec)[0]) for spec in _specs(options).values())


def _at_temperature(agent: Agent, spec: str, temperature: float) -> Agent:
    sampling = getattr(agent, "sampling", None)
    if not isinstance(sampling, Sampling):
        raise UsageError(f"--temperature is for language models, and {spec} is none; leave it out")
    agent.sampling = replace(sampling, temperature=temperature)  # type: ignore[attr-defined]
    return agent
