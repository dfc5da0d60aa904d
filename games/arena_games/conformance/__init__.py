"""The conformance suite: is this a game that the arena can run, train on and rank fairly?

Users run it on their own game with `arena check-game my_package.my_game:SPEC`.
"""

from arena_games.conformance.suite import Check, check_game

__all__ = ["Check", "check_game"]
