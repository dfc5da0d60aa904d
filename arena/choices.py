"""Options of the command line: their defaults, and the words that some are one of.

Imports nothing heavy: `arena --help` reads this file.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

DEFAULT_AGENTS = "random,search,dqn,nano,nano+snake,nano+frozen-lake"
RUNS = Path("runs")
TOURNAMENT = RUNS / "tournament"


class TrainMode(StrEnum):
    """What a tournament does about policies: train those that are missing, none, or all anew."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class Format(StrEnum):
    """How a leaderboard is printed."""

    RICH = "rich"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    SVG = "svg"


class Listed(StrEnum):
    """What `arena list` lists."""

    GAMES = "games"
    AGENTS = "agents"
    RUNS = "runs"
