"""A person plays one match."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from arena.episode import Episode
from arena.match import play
from arena.seating import HOUSE, house_agents, seated
from arena.seeds import Split, episode_seed
from arena.table import Match, MatchConfig
from arena_agents import Agent
from arena_agents.human import RESIGNED, HumanAgent
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from arena_games.registry import find_game

PERSON, OPPONENT = "you", "opponent"


def play_person(
    game: str, *, against: str | None = None, seed: int = 0, human: HumanAgent | None = None
) -> Episode:
    """Seat a person on the first open seat, `against` on all others (default: `random` and the house).

    Raises UsageError if there is no such game or agent, or nobody to play against in this game.
    """
    spec = find_game(game)
    if against is not None and spec.seats == 1:
        raise UsageError(f"{spec.name} is played alone; leave --against out")
    players = seated(spec, [PERSON] + [OPPONENT] * (len(spec.open_seats) - 1))
    agents: dict[str, Agent] = {PERSON: human or HumanAgent(), **house_agents([spec])}
    agents[OPPONENT] = make_agent(against or "random")
    if against is not None:
        players = tuple(OPPONENT if name.startswith(HOUSE) else name for name in players)
    match = Match(spec, episode_seed(Split.TEST, seed, 0), players)
    (episode,) = play([match], agents, MatchConfig(deadline_s=None))
    Console().print(Text(summary(episode)))
    return episode


def summary(episode: Episode) -> str:
    """How it went for the person, in one line."""
    seat = episode.players.index(PERSON)
    if episode.detail == RESIGNED:
        return f"You resigned with {episode.returns[seat]:g} points."
    if not episode.end.rated:
        return f"The match ended in an error of {episode.culprit or 'the game'}: {episode.detail}"
    place = (
        f", place {episode.placements[seat]} of {len(episode.players)}" if len(episode.players) > 1 else ""
    )
    verdict = "success" if episode.successes[seat] else "no success"
    return f"Over: {episode.returns[seat]:g} points{place}, {verdict}."
