"""What a model's tokens cost: a small table, ours and over it the user's."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from arena_agents.files import read_text
from arena_agents.limits import MOST_DOLLARS
from arena_games.base import UsageError

OURS = Path(__file__).with_name("prices.toml")
VARIABLE = "ARENA_PRICES"
PER_TOKEN = 1e-6  # the tables are for a million


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    prompt: float
    completion: float

    def cost(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """USD, or None where a count is not known."""
        if prompt_tokens is None or completion_tokens is None:
            return None
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) * PER_TOKEN


def load_prices(environment: Mapping[str, str] = os.environ) -> dict[str, Price]:
    """All prices by the model's name. Raises UsageError for a file that cannot be read."""
    return _read(OURS) | _users(environment)


def _users(environment: Mapping[str, str]) -> dict[str, Price]:
    if environment.get(VARIABLE):
        return _read(Path(environment[VARIABLE]).expanduser())
    path = user_config_path("tmsg-arena", appauthor=False) / "prices.toml"
    return _read(path) if path.is_file() else {}


def _read(path: Path) -> dict[str, Price]:
    text = read_text(path, remedy=f"check ${VARIABLE}", called="the prices in ")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the prices in {path} are no TOML: {error}; repair the file") from error
    return {name: _price(entry, name, path) for name, entry in table.items()}


def _price(entry: Any, name: str, path: Path) -> Price:
    numbers = [entry.get(side) for side in ("in", "out")] if isinstance(entry, dict) else [None]
    if not all(isinstance(n, int | float) and 0 <= n <= MOST_DOLLARS for n in numbers):
        raise UsageError(
            f'{path}: ["{name}"] needs `in` and `out`, in USD per million tokens, at most {MOST_DOLLARS:,}'
        )
    return Price(*(float(number) for number in numbers if number is not None))
