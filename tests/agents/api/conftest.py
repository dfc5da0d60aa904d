"""Fixtures for agents whose model is behind a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from arena_agents.api.models import Served
from arena_agents.api.prices import Price
from arena_agents.api.settings import Settings
from arena_agents.base import Sampling
from arena_agents.language.api_agent import ServerAgent
from arena_agents.language.template import load_template
from tests.agents.api.openai_server import FakeServer
from tests.agents.api.served import AgentAt


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has keys and settings of their own."""
    for name in ("KEY", "CONCURRENCY", "DEADLINE", "MAX_TOKENS"):
        monkeypatch.delenv(f"ARENA_API_{name}", raising=False)
    for name in ("OPENAI_API_KEY", "ARENA_PRICES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts begin small."""
    monkeypatch.setattr("arena_agents.api.errors.FIRST_WAIT_S", 0.02)


@pytest.fixture
def make() -> Iterator[AgentAt]:
    """Makes agents at fake servers, and closes them; `options` are those of `Settings`."""
    made: list[ServerAgent] = []

    def build(
        server: FakeServer,
        vllm: bool = False,
        sampling: Sampling | None = None,
        give_up_after: int = 5,
        **options: Any,
    ) -> ServerAgent:
        settings = Settings(**{"deadline_s": 20.0} | options)
        client = ServerClient(Address("m", server.url), settings, give_up_after=give_up_after)
        made.append(
            ServerAgent(client, Served("m", vllm), load_template(), sampling=sampling, price=Price(1, 10))
        )
        return made[-1]

    yield build
    for agent in made:
        agent.client.close()
