"""The table says what was measured."""

import importlib.util
import json
import time

import pytest

from tests.benchmarks import __main__ as bench
from tests.benchmarks.measure import Work, measure


@pytest.fixture
def takes(monkeypatch):
    """Makes work of 10 units that takes so long each time, by a clock of its own; warm-up first."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def build(*seconds):
        left = list(seconds)

        def once():
            now[0] += left.pop(0)
            return 10

        return once

    return build


def test_a_ratio_is_the_median_of_pairs_after_the_warm_up(takes):
    work = Work("w", "u/s", takes(30, 2, 2, 2), "peer", takes(9, 8, 2, 4), 2.5, 3)
    found = measure(work, 3)
    assert (found.value, found.low, found.high) == pytest.approx((2, 1, 4))
    assert (found.ours, found.theirs) == pytest.approx((5, 2.5))
    assert not found.met


def test_costs_and_seconds_are_met_from_below(takes):
    dearer = Work("w", "u/s", takes(1, 6), "bare", takes(1, 5), 1.5, 1.2, "times as long")
    assert measure(dearer, 1).value == pytest.approx(1.2)
    seconds = measure(Work("w", "runs/s", takes(1, 3), "", None, 0.4, 0.2, "seconds"), 1)
    assert seconds.value == pytest.approx(0.3)
    assert seconds.met
    assert seconds.theirs is None


def test_every_work_has_a_module():
    for place in bench.WORKS.values():
        assert importlib.util.find_spec(f"tests.benchmarks.{place.partition(':')[0]}")


def test_what_is_written_is_what_is_shown(takes, tmp_path, monkeypatch, capsys):
    work = Work("a thing", "u/s", takes(1, 1, 1), "peer", takes(1, 3, 3), 2, 4)
    monkeypatch.setattr(bench, "_factory", lambda name: lambda: work)
    monkeypatch.setattr("sys.argv", ["bench", "help", "--runs", "2", "--json", str(tmp_path / "b.json")])
    monkeypatch.setenv("COLUMNS", "200")
    bench.main()
    (row,) = json.loads((tmp_path / "b.json").read_text())["works"]
    assert row["work"] == "a thing"
    assert row["met"]
    assert f"{row['value']:.3g}×" in capsys.readouterr().out
