"""The arena: language models that play text games, trained and ranked.

    from arena import Match, Tournament, evaluate, leaderboard, play, run_tournament, sft, train

What is named here is what a program or a notebook calls; the rest may move. A name's module is
imported when the name is first used, so `import arena` alone loads neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors
    from arena.match.episode import EndReason, Episode, Step
    from arena.match.evaluate import EvalRow, evaluate
    from arena.match.match import Match, MatchConfig
    from arena.match.play import play
    from arena.record.board import leaderboard
    from arena.record.store import Store
    from arena.tournament.plan import Tournament
    from arena.tournament.run import run as run_tournament
    from arena.tournament.teach import sft, train
    from arena_agents import Agent, Observation, Reply
    from arena_agents.registry import make_agent
    from arena_games import GameSpec, UsageError
    from arena_games.registry import find_game
    from arena_leaderboard import Leaderboard, MatchResult

    __version__: str

__all__ = [
    "Agent",
    "EndReason",
    "Episode",
    "EvalRow",
    "GameSpec",
    "Leaderboard",
    "Match",
    "MatchConfig",
    "MatchResult",
    "Observation",
    "Reply",
    "Step",
    "Store",
    "Tournament",
    "UsageError",
    "__version__",
    "evaluate",
    "find_game",
    "leaderboard",
    "make_agent",
    "play",
    "run_tournament",
    "sft",
    "train",
]

_HOMES = {
    "arena.match.episode": ("EndReason", "Episode", "Step"),
    "arena.match.evaluate": ("EvalRow", "evaluate"),
    "arena.match.match": ("Match", "MatchConfig"),
    "arena.match.play": ("play",),
    "arena.record.board": ("leaderboard",),
    "arena.record.store": ("Store",),
    "arena.tournament.plan": ("Tournament",),
    "arena.tournament.teach": ("sft", "train"),
    "arena_agents": ("Agent", "Observation", "Reply"),
    "arena_agents.registry": ("make_agent",),
    "arena_games": ("GameSpec", "UsageError"),
    "arena_games.registry": ("find_game",),
    "arena_leaderboard": ("Leaderboard", "MatchResult"),
}
_PLACES = {name: (module, name) for module, names in _HOMES.items() for name in names}
_PLACES["run_tournament"] = ("arena.tournament.run", "run")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("tmsg-arena")
    elif name in _PLACES:
        module, attribute = _PLACES[name]
        found = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module 'arena' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
