"""Prices: the user's table goes before ours, and what is not known costs None, not nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arena_agents.api.prices import Price, load_prices
from arena_games.base import UsageError


def test_a_reply_costs_its_tokens() -> None:
    assert Price(0.15, 0.60).cost(2_000_000, 500_000) == pytest.approx(0.60)
    assert Price(0.15, 0.60).cost(None, 5) is None
    assert Price(0.15, 0.60).cost(5, None) is None


def test_the_users_table_goes_before_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    ours = load_prices({})
    assert ours["gpt-4o-mini"] == Price(0.15, 0.60)
    assert "qwen72b" not in ours
    config = (
        tmp_path / ("Library/Application Support" if sys.platform == "darwin" else ".config") / "tmsg-arena"
    )
    config.mkdir(parents=True)
    (config / "prices.toml").write_text('["gpt-4o-mini"]\nin = 9\nout = 8\n["org/m:1"]\nin = 0\nout = 0.5\n')
    theirs = load_prices({})
    assert theirs == ours | {"gpt-4o-mini": Price(9, 8), "org/m:1": Price(0, 0.5)}
    other = tmp_path / "other.toml"
    other.write_text("[m]\nin = 1\nout = 2\n")
    assert load_prices({"ARENA_PRICES": str(other)}) == ours | {"m": Price(1, 2)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[m]\nin = 1\n", "needs `in` and `out`"),
        ("m = 1\n", "needs `in` and `out`"),
        ('[m]\nin = "1"\nout = 1', "needs `in` and `out`"),
        ("[m]\nin = -1\nout = 1", "needs `in` and `out`"),
        ("[m]\nin = nan\nout = 1", "needs `in` and `out`"),
        ("[m\n", "are no TOML"),
        ("\x00", "are no TOML"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem):
        load_prices({"ARENA_PRICES": str(path)})
    with pytest.raises(UsageError, match=r"cannot read .*none\.toml: .*; check \$ARENA_PRICES"):
        load_prices({"ARENA_PRICES": str(tmp_path / "none.toml")})
