"""A page for each game, made from its spec, its environment, and an episode that is played for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass

from arena import Match, find_game, make_agent, play
from arena.match.episode import Episode
from arena_games.base import GameSpec, points
from arena_games.frozen_lake import text as frozen_lake
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.registry import BUILT_IN
from arena_games.snake import text as snake
from arena_games.snake.rules import SnakeConfig
from docs.generator.reference import cell, line, table

SEED = 7  # of the episode that is shown
PLANES: dict[type, tuple[str, ...]] = {
    FrozenLakeConfig: frozen_lake.PLANES,
    SnakeConfig: snake.PLANES,
}


def pages() -> dict[str, str]:
    """The pages by their places on the site."""
    return {"games/index.md": index(), **{f"games/{spec.name}.md": page(spec) for spec in BUILT_IN}}


def index() -> str:
    """The games beside each other."""
    return (
        "# Games\n\nMade from the games' specs. "
        "[Bring your own](../how-to/game.md), or look at one with `arena play GAME`.\n\n" + facts(BUILT_IN)
    )


def facts(specs: Sequence[GameSpec], *, linked: bool = True) -> str:
    """What tells games apart, a row for each, beginning with a link to its page."""
    heads = ("seats", "open", "house", "horizon", "success", "version")
    rows: list[tuple[object, ...]] = []
    for spec in specs:
        house = ", ".join(spec.house) or "–"
        row = (spec.seats, len(spec.open_seats), house, spec.horizon, spec.success, spec.version)
        rows.append((f"[{spec.name}]({spec.name}.md)", *row) if linked else row)
    return table(("game", *heads) if linked else heads, rows)


def page(spec: GameSpec) -> str:
    """Rules, spaces, numbers, and one episode."""
    actions = [(f"`{name}`", cell(help)) for name, help in spec.actions.items()]
    parts = [
        f"# {spec.name}\n",
        f"{spec.task}\n",
        facts([spec], linked=False),
        "Scores of different versions are not compared.\n",
        "## Rules\n\n" + "\n".join(f"- {rule}" for rule in spec.rules) + "\n",
        "## Actions\n\n" + table(("action", "what it does"), actions),
        "A reply names one as `<action>NAME</action>`; for others see [what it answers]"
        "(../how-to/agent.md#what-it-answers).\n",
        spaces(spec),
        numbers(spec),
        episode(spec),
    ]
    return "\n".join(part for part in parts if part)


def spaces(spec: GameSpec) -> str:
    """What the PettingZoo environment gives and takes."""
    env = spec.make_env()
    env.reset(seed=0)
    agent = env.possible_agents[spec.open_seats[0]]
    seen = env.observation_space(agent)
    rows = [(f"`{key}`", f"`{line(space)}`") for key, space in seen.spaces.items() if key != "text"]
    text = ("`text`", "the situation in words")
    planes = ""
    if "grid" in seen.spaces:
        planes = (
            f"\nPlanes of `grid`, in their order: {', '.join(PLANES[type(spec.config)])}. Row 0 is y = 0.\n"
        )
    return (
        "## Spaces\n\n"
        "Of the PettingZoo environment (`spec.make_env()`), for each seat:\n\n"
        + table(("observation", ""), [text, *rows])
        + planes
        + f"\nActions: `{env.action_space(agent)}`, in the order of the table above.\n"
    )


def numbers(spec: GameSpec) -> str:
    """The scenario's config."""
    config = spec.config
    if config is None or not is_dataclass(config):
        return ""
    rows = [(f"`{field.name}`", f"`{line(getattr(config, field.name))}`") for field in fields(config)]
    return f"## Numbers\n\nFields of `{type(config).__name__}`:\n\n" + table(("field", "value"), rows)


def episode(spec: GameSpec) -> str:
    """One episode as it was played, and how the first seat saw its beginning."""
    played = play_one(spec)
    first = played.steps[0].observation
    rows = [
        (
            seen.turn,
            step.seat,
            played.players[step.seat],
            f"`{seen.action_names[step.action]}`",
            points(step.reward),
        )
        for step in played.steps
        for seen in [step.observation]
    ]
    ends = ", ".join(
        f"seat {seat} ({player}): return {points(played.returns[seat])}, place {played.placements[seat]}"
        for seat, player in enumerate(played.players)
    )
    return (
        f"## One episode\n\nSeed {SEED}; the open seats are held by `search` and `random` in turn. "
        f"What seat {played.steps[0].seat} sees first:\n\n"
        f"```text\n{first.text}\n```\n\n"
        '??? note "All decisions"\n\n'
        + indented(table(("turn", "seat", "player", "action", "reward"), rows))
        + f"\nIt {played.end}: {ends}.\n"
    )


def play_one(spec: GameSpec) -> Episode:
    """The episode that is shown: the same whenever it is played."""
    house = iter(spec.house)
    open_ = iter(("search", "random") * spec.seats)
    players = tuple(next(open_) if seat in spec.open_seats else next(house) for seat in range(spec.seats))
    agents = {name: make_agent(name) for name in set(players)}
    (played,) = play([Match(find_game(spec.name), SEED, players)], agents)
    return played


def indented(text: str) -> str:
    """A block inside another."""
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))
