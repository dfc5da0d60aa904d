"""A human plays one match: on the whole screen in a terminal, line by line elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import beside, house_agents, refuse_unable, seated
from arena.match.seeds import Split, episode_seed
from arena.untrusted import escaped_line
from arena.views.terminal.keys import can_read_keys
from arena_agents import Agent
from arena_agents.human import RESIGNED, HumanAgent
from arena_agents.registry import make_agent
from arena_agents.spec import with_defaults
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game, remembering

HUMAN, OPPONENT = "you", "opponent"


def play_human(
    game: str,
    *,
    against: str | None = None,
    seed: int = 0,
    human: HumanAgent | None = None,
    defaults: Mapping[str, str] | None = None,
    rethink: int = 0,
    memory: int | None = None,
) -> Episode:
    """Seat a human on the first open seat, `against` on all others (default: `random` and the house).

    `human` replaces the screen. Raises UsageError if there is no such game or agent, or nobody to play
    against in this game.
    """
    spec = remembering(find_game(game), memory)
    if defaults:
        against = with_defaults(against or "random", defaults)
    match, agents = _match_for_one(spec, against, seed)
    config = MatchConfig(deadline_s=None, rethink=rethink)  # humans think as long as they like
    if human is None and can_read_keys():
        from arena.views.terminal.human_seat import play_on_screen

        episode = play_on_screen(match, agents, config, HUMAN)
    else:
        (episode,) = play([match], {HUMAN: human or HumanAgent(), **agents}, config)
    Console().print(Text(summary(episode)), soft_wrap=True)
    return episode


def _match_for_one(spec: GameSpec, against: str | None, seed: int) -> tuple[Match, Mapping[str, Agent]]:
    """The match, and everyone in it but the human."""
    if against is not None and spec.seats == 1:
        raise UsageError(f"{spec.name} is played alone; leave --against out")
    house = None if against is None else OPPONENT
    players = seated(spec, beside(spec, [HUMAN], OPPONENT), house)
    agents: dict[str, Agent] = {OPPONENT: make_agent(against or "random"), **house_agents([spec])}
    refuse_unable(spec, agents.values(), "name another with --against")
    return Match(spec, episode_seed(Split.TEST, seed, 0), players), agents


def summary(episode: Episode) -> str:
    """How it went for the human, in one line."""
    seat = episode.players.index(HUMAN)
    if episode.detail == RESIGNED:
        return f"You resigned with {episode.returns[seat]:g} points."
    if episode.failed:
        detail = escaped_line(episode.detail or "", 300)
        return f"The match ended in an error of {episode.culprit or 'the game'}: {detail}"
    place = (
        f", place {episode.placements[seat]} of {len(episode.players)}" if len(episode.players) > 1 else ""
    )
    verdict = "success" if episode.successes[seat] else "no success"
    return f"Over: {episode.returns[seat]:g} points{place}, {verdict}."
