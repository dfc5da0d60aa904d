"""A seat behind OpenEnv's server on loopback, played by OpenEnv's own client."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("openenv")

import uvicorn
from openenv.core.generic_client import GenericEnvClient

from arena.faces.openenv import app
from arena.faces.session import Session
from arena.match.seeds import Split, episode_seed
from arena_games.base import UsageError, action_reply


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app("snake-duel"), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [found]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{found.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


async def play(url: str, seed: int, first: str) -> tuple[list[Any], dict[str, Any]]:
    async with GenericEnvClient(base_url=url) as env:
        results = [await env.reset(seed=seed)]
        while not results[-1].done:
            move = first if len(results) == 1 else results[-1].observation["legal_actions"][0]
            results.append(await env.step({"action": move}))
        return results, await env.state()


def test_its_client_plays_the_episode_that_a_session_plays(url: str) -> None:
    results, state = asyncio.run(play(url, 3, "up"))
    session = Session("snake-duel")
    seen = session.new_game(episode_seed(Split.TRAIN, 3))
    assert (results[0].observation["text"], results[0].reward) == (seen.text, None)
    for number, result in enumerate(results[1:]):
        assert session.observation is not None
        name = session.observation.legal_names[0] if number else "up"
        moved = session.move(action_reply(name))
        text = moved.observation.text if moved.observation else ""
        assert (result.observation["text"], result.reward) == (text, moved.reward)
    assert session.observation is None
    assert results[-1].observation["outcome"]["place"] == session.episode.placements[session.seat]
    assert sum(result.reward for result in results[1:]) == session.episode.returns[session.seat]
    assert state["step_count"] == len(results) - 1


def test_many_clients_have_tables_of_their_own(url: str) -> None:
    async def all_play() -> list[Any]:
        return await asyncio.gather(*(play(url, seed, "up") for seed in (1, 2, 1)))

    (one, _), (two, _), (again, _) = asyncio.run(all_play())
    texts = [[result.observation["text"] for result in results] for results in (one, two, again)]
    assert texts[0] == texts[2] != texts[1]


def test_what_cannot_be_played_is_said(url: str) -> None:
    results, _ = asyncio.run(play(url, 4, "fly"))
    assert "not one of" in results[1].observation["invalid"]


def test_a_game_that_there_is_not_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="no-such-game"):
        app("no-such-game")
