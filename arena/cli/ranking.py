"""Commands that rank agents, and show how they rank."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli import completion
from arena.cli.options import (
    TOURNAMENT,
    AgentCpu,
    AgentMemory,
    ChatTemplate,
    Deadline,
    Decoding,
    Engine,
    Games,
    GameSet,
    InProcess,
    Json,
    Memory,
    Rethink,
    Run,
    Seed,
    Skins,
    Template,
    Trust,
)
from arena.tournament.options import DEADLINE_S, DEFAULT_AGENTS, MATCHES, TournamentOptions, TrainMode
from arena.views.options import EvaluationOptions, Format, GameWeights, Pairs


def tournament(
    games: Games = "all",
    game_set: GameSet = None,
    agents: Annotated[
        str,
        typer.Option(
            help="SPEC or NAME=SPEC, separated by commas; `dqn` and BASE+GAME are trained.",
            autocompletion=completion.some_agents,
        ),
    ] = DEFAULT_AGENTS,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = TOURNAMENT,
    seed: Seed = 0,
    matches: Annotated[int, typer.Option(min=1, help="Matches of each agent in each game, about.")] = MATCHES,
    train: Annotated[
        TrainMode,
        typer.Option(help="What to do about policies: the missing ones, none, all anew, or only that."),
    ] = TrainMode.AUTO,
    deadline: Deadline = DEADLINE_S,
    until_separated: Annotated[
        bool, typer.Option("--until-separated", help="Then play on where neighbouring ranks are tied.")
    ] = False,
    max_matches: Annotated[
        int | None, typer.Option(min=1, help="In all, with --until-separated; 10 times the planned.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that play; one a core where agents need no more than that."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N", help="Play the K-th of N parts, in a folder of its own; see arena merge."
        ),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster that plays, or `local` for one here.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Forecast matches, tokens, cost and time from a small sample.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the leaderboard, or the forecast, as JSON.")
    ] = False,
    engine: Engine = "auto",
    decode: Decoding = None,
    chat_template: ChatTemplate = None,
    rethink: Rethink = 0,
    memory: Memory = None,
    skins: Skins = None,
    templates: Annotated[
        str | None,
        typer.Option(
            metavar="FILE,FILE",
            help="Once a template (`default` is ours), and the first again: do they decide who wins?",
        ),
    ] = None,
    in_process: InProcess = False,
    agent_memory: AgentMemory = None,
    agent_cpu: AgentCpu = None,
) -> None:
    """Train what is untrained, play everyone against everyone, and rank them. Repeat it to go on."""
    from arena_agents.spec import asked

    options = TournamentOptions(
        games,
        agents,
        out,
        seed=seed,
        matches=matches,
        train=train,
        deadline_s=deadline,
        until_separated=until_separated,
        max_matches=max_matches,
        engine=engine,
        defaults=asked(decode, chat_template),
        rethink=rethink,
        memory=memory,
        skins=skins,
        game_set=game_set or (),
        in_process=in_process,
        agent_memory_gib=agent_memory,
        agent_cpu_s=agent_cpu,
        workers=workers,
        shard=shard,
        ray=ray,
    )
    if templates is not None:
        from arena.views.templates import hold_templates

        raise typer.Exit(0 if hold_templates(options, templates, as_json=json, dry_run=dry_run) else 1)
    if dry_run:
        from arena.views.forecast import show_forecast

        show_forecast(options, as_json=json)
        return
    from arena.views.tournament import hold_tournament

    raise typer.Exit(0 if hold_tournament(options, as_json=json) else 1)


def merge(
    run: Annotated[Path, typer.Argument(help="The tournament's folder, as --out names it.")] = TOURNAMENT,
    shards: Annotated[
        list[Path] | None, typer.Argument(help="The shards' folders; all in RUN/shards if none is named.")
    ] = None,
) -> None:
    """Join the shards of a tournament to one run. Exit status 1 if some are missing."""
    from arena.views.merge import show_merge

    raise typer.Exit(0 if show_merge(run, shards or []) else 1)


def leaderboard(
    run: Run = TOURNAMENT,
    format: Annotated[Format, typer.Option(help="rich, json, csv, md or svg.")] = Format.RICH,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    anchor: Annotated[
        str | None,
        typer.Option(help="The agent that is 1000 in every game, so that tournaments with it compare."),
    ] = None,
    weights: Annotated[
        GameWeights,
        typer.Option(help="What weigh the same overall: games, families (all of Snake is one), or matches."),
    ] = GameWeights.GAME,
    nash: Annotated[
        bool,
        typer.Option("--nash", help="Show Nash averaging, as where there is a cycle it is anyway."),
    ] = False,
) -> None:
    """Show a tournament's leaderboard, a running one's too."""
    from arena.views.leaderboard import show_leaderboard

    show_leaderboard(run, Format.JSON if json else format, anchor, weights, nash=nash)


def report(
    run: Run = TOURNAMENT,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page; RUN/report.html if not given.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Write a tournament, or a training, as one page that opens without a network."""
    from arena.views.page.page import PAGE, write_report

    size = write_report(run, out, trust=trust)
    typer.echo(f"The page is {out or run / PAGE} ({size / 1e6:.2f} MB); it opens in any browser")


def verify(
    run: Run = TOURNAMENT,
    json: Json = False,
    trust: Trust = False,
    card: Annotated[
        Path | None, typer.Option(help="Instead: is the run what this card (arena card) tells of?")
    ] = None,
) -> None:
    """Play every stored episode again and compare. Exit status 1 if anything is not as it was stored."""
    if card is not None:
        from arena.views.card import show_card_check

        raise typer.Exit(0 if show_card_check(run, card) else 1)
    from arena.views.verification import show_verification

    raise typer.Exit(0 if show_verification(run, as_json=json, trust=trust) else 1)


def card(
    run: Run = TOURNAMENT,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="A file: .json, or Markdown.")] = None,
    json: Json = False,
) -> None:
    """Show a run by hashes: config, moves, policies, ratings; arena verify --card compares with it."""
    from arena.views.card import write_card

    write_card(run, out, as_json=json)


def evaluate(
    agents: Annotated[
        list[str],
        typer.Argument(
            metavar="AGENT...",
            help="SPEC or NAME=SPEC, as in --agents; several play the same seeds and are compared.",
            autocompletion=completion.some_agents,
        ),
    ],
    games: Games = "all",
    game_set: GameSet = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of each game.")] = 100,
    seed: Seed = 0,
    opponents: Annotated[str, typer.Option(help="Who holds the other open seats.")] = "random",
    pairs: Annotated[
        Pairs, typer.Option(help="Of several agents: the first against each other, or all against all.")
    ] = Pairs.FIRST,
    json: Json = False,
    template: Template = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="Of a language model's sampling; 0 is greedy.")
    ] = None,
    engine: Engine = "auto",
    decode: Decoding = None,
    chat_template: ChatTemplate = None,
    rethink: Rethink = 0,
    memory: Memory = None,
    skins: Skins = None,
    deadline: Deadline = DEADLINE_S,
    in_process: InProcess = False,
    agent_memory: AgentMemory = None,
    agent_cpu: AgentCpu = None,
) -> None:
    """Measure agents on the same held-out seeds, and by how much they differ, without ranking them."""
    from arena.views.evaluation import show_evaluation
    from arena_agents.spec import asked

    options = EvaluationOptions(
        agents,
        games,
        pairs=pairs,
        episodes=episodes,
        seed=seed,
        opponents=opponents,
        template=template,
        temperature=temperature,
        engine=engine,
        defaults=asked(decode, chat_template),
        rethink=rethink,
        memory=memory,
        skins=skins,
        deadline_s=deadline,
        game_set=game_set or (),
        in_process=in_process,
        agent_memory_gib=agent_memory,
        agent_cpu_s=agent_cpu,
    )
    show_evaluation(options, as_json=json)
