"""An engine serves one thread at a time: what it keeps, and what it changes of a model, is one for all."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from arena_agents.base import Sampling
from tests.agents.engines.test_stops import byte_level, engine_of


@pytest.mark.parametrize("call", ["generate", "choose"])
def test_who_asks_meanwhile_waits(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where an agent is given up on in the midst of a pass, and another shares its engine."""
    engine, asked = engine_of(byte_level()), []
    within, leave = threading.Event(), threading.Event()

    def stays(*_: Any, **__: Any) -> list[Any]:
        asked.append(threading.current_thread())
        within.set()
        assert leave.wait(120)
        return []

    monkeypatch.setattr(engine, "_generate", stays)
    monkeypatch.setattr("arena_agents.engines.transformers.choose", stays)
    first = threading.Thread(target=engine.generate, args=([(1,)], Sampling(), [0]))
    arguments = ([(1,)], Sampling(), [0]) if call == "generate" else ([(1,)], [[(2,)]], Sampling(), [0])
    second = threading.Thread(target=getattr(engine, call), args=arguments)
    first.start()
    assert within.wait(120)
    second.start()
    second.join(0.3)
    assert asked == [first]
    leave.set()
    first.join()
    second.join()
    assert asked == [first, second]
