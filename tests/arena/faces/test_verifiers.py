"""Games in verifiers: its own runner plays them against a model's server on loopback."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("verifiers")

import verifiers.v1 as vf
from verifiers.v1.utils.loaders import load_environment, resolve_env_config

from arena.faces.session import Session
from arena.match.seeds import Split, episode_seed
from arena_games.base import UsageError, action_reply


class Model(BaseHTTPRequestHandler):
    """A model that names the first action that it is shown."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = asked["messages"][-1]["content"]
        text = said if isinstance(said, str) else said[0]["text"]
        found = re.search(r"Actions: (\w+)", text)
        message = {"role": "assistant", "content": action_reply(found[1] if found else "nothing")}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        body = json.dumps(answer | {"usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def environment(game: str) -> Any:
    return load_environment(resolve_env_config({"taskset": {"id": "tmsg-arena", "game": game}}))


async def played(url: str, game: str, number: int) -> Any:
    env = environment(game)
    tasks = list(env.taskset.take(number + 1))
    client = vf.EvalClientConfig(base_url=url, api_key_var="NO_KEY_IS_NEEDED")
    async with env.serving():
        (slot,) = env.slots(tasks[number])
        return await env.run_slot(slot, vf.ModelContext(model="m", client=client))


def test_every_seat_is_an_agent_with_a_trace_and_its_return(url: str) -> None:
    episode = asyncio.run(played(url, "snake-duel", 2))
    assert not episode.errors
    assert episode.ok
    assert sorted(trace.agent.name for trace in episode.traces) == ["p0", "p1"]
    places = {trace.metrics["place"] for trace in episode.traces}
    assert places in ({1.0}, {1.0, 2.0})


def test_what_it_pays_is_what_the_game_pays(url: str) -> None:
    episode = asyncio.run(played(url, "frozen-lake", 3))
    session = Session("frozen-lake")
    session.new_game(episode_seed(Split.TRAIN, 3))
    turns = 0
    while session.observation is not None:
        session.move(action_reply(session.observation.legal_names[0]))
        turns += 1
    (trace,) = episode.traces
    assert (trace.reward, trace.num_turns) == (session.episode.returns[0], turns)


def test_a_game_that_there_is_not_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="no-such-game"):
        next(iter(environment("no-such-game").taskset))
