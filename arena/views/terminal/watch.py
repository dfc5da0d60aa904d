"""`arena watch`: agents play a match before the viewer's eyes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from shlex import quote

from rich.console import Console
from rich.text import Text

from arena.match.match import Match, MatchConfig
from arena.match.seating import beside, house_agents, refuse_unable, seated
from arena.match.seeds import Split, episode_seed
from arena.tournament.entrants import Entrant, parse_entrants
from arena.views.options import WatchOptions
from arena.views.terminal.controls import ReplayControls
from arena.views.terminal.frames import Replay
from arena.views.terminal.keys import can_read_keys
from arena.views.terminal.live import LiveMatch
from arena.views.terminal.plain import PlainPrinter, survive_any_character
from arena.views.terminal.screen import show
from arena_agents import Agent
from arena_agents.registry import make_agent
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game, remembering


def watch(options: WatchOptions) -> None:
    """Play a match and show it as it is played, in a terminal with keys, elsewhere line by line.

    Raises UsageError for unknown games and agents, for more agents than seats, for agents that need
    training and for those that cannot play the game.
    """
    survive_any_character()
    spec = remembering(find_game(options.game), options.memory)
    with Console(stderr=True).status(Text("starting the agents")):  # models take a while
        match, made = line_up(
            spec,
            parse_entrants(options.agents, options.defaults),
            options.opponents,
            options.seed,
        )
    with LiveMatch(match, made, MatchConfig(deadline_s=options.deadline_s, rethink=options.rethink)) as live:
        if options.plain or not can_read_keys():
            print_live(live, PlainPrinter(Console(), options.speed), match)
        else:
            show(live, ReplayControls(speed=options.speed or 2.0), f"{spec.name}  seed {options.seed}")


def print_live(live: LiveMatch, printer: PlainPrinter, match: Match) -> None:
    """Print each decision when it has been made and paid, and the end."""
    printer.title(match.id)
    for position in count():
        replay = _paid(live, position)
        printer.print(replay, position)
        if replay.over and position == replay.last:
            return


def _paid(live: LiveMatch, position: int) -> Replay:
    """The replay once it shows this decision and its reward, or is over. Seats are paid a round later."""
    replay = live.wait_for(position)
    while not replay.over and not replay.is_paid(position):
        replay = live.wait_for(replay.last)
    return replay


def line_up(
    spec: GameSpec, entrants: Sequence[Entrant], opponents: str, seed: int
) -> tuple[Match, dict[str, Agent]]:
    """The match, and its players by name. Raises UsageError as `watch` does."""
    seats = len(spec.open_seats)
    if len(entrants) > seats:
        raise UsageError(f"{spec.name} has {seats} open seat{'s' * (seats > 1)}; name no more --agents")
    for entrant in entrants:
        if entrant.base is not None:
            raise UsageError(
                f"{entrant.spec} has to be trained: arena train {quote(entrant.trained_on or spec.name)} "
                f"--agent {quote(entrant.base)}, then name the run's folder"
            )
    names = [entrant.label for entrant in entrants]
    # First who is mistyped more often than loaded for minutes.
    others = {opponents: make_agent(opponents)} if len(names) < seats and opponents not in names else {}
    made = others | house_agents([spec]) | {entrant.label: make_agent(entrant.spec) for entrant in entrants}
    refuse_unable(spec, made.values())
    players = seated(spec, beside(spec, names, opponents))
    return Match(spec, episode_seed(Split.TEST, seed, 0), players), made
