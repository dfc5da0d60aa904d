"""`arena check-game`: whether a game can be run, trained on and ranked fairly."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from arena.untrusted import one_line


def show_checks(spec: str, *, episodes: int, seed: int, as_json: bool = False) -> bool:
    """Run the conformance suite on a game and print each check; whether all of them passed."""
    from arena_games.conformance import check_game
    from arena_games.registry import find_game

    checks = check_game(find_game(spec), episodes=episodes, seed=seed)
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
        return all(check.passed for check in checks)
    console = Console()
    for check in checks:
        mark = Text("ok    ", "green") if check.passed else Text("FAILED", "bold red")
        detail = "" if check.passed else f": {one_line(check.detail)}"
        console.print(Text.assemble(mark, "  ", check.name, detail))
    return all(check.passed for check in checks)
