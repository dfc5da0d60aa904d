"""A served policy says what it says in this process, to our own client and to OpenAI's."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from threading import Thread
from typing import Any

import openai
import pytest

from arena import Match, UsageError, evaluate, find_game, make_agent, play
from arena.faces.serve import PolicyServer, serve
from arena_agents.language.agent import LanguageAgent

LAKE = find_game("frozen-lake")


@pytest.fixture(scope="module")
def served() -> Iterator[PolicyServer]:
    server = serve("nano", host="127.0.0.1", port=0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.close()
    thread.join()
    assert not server._drawing.is_alive(), "Python aborts if it ends while a thread is within torch"


def post(server: PolicyServer, body: Any, path: str = "/chat/completions") -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, data)) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_our_own_client_plays_as_the_policy_itself_does(served: PolicyServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("ARENA_API_MAX_TOKENS", "8")
    here, there = make_agent("nano"), make_agent(f"nano@{served.url}")
    for agent in (here, there):
        agent.sampling = agent.sampling.__class__(temperature=0, max_new_tokens=8)  # type: ignore[attr-defined]
    matches = [Match(LAKE, seed, ("it",)) for seed in range(6)]
    ours, theirs = (list(play(matches, {"it": agent})) for agent in (here, there))
    by_id = {episode.id: [step.reply.text for step in episode.steps] for episode in ours}
    assert {episode.id: [step.reply.text for step in episode.steps] for episode in theirs} == by_id
    assert all(step.reply.usage.prompt_tokens for episode in theirs for step in episode.steps)  # type: ignore[union-attr]


def test_openais_client_is_answered(served: PolicyServer) -> None:
    client = openai.OpenAI(base_url=served.url, api_key="none")
    assert [model.id for model in client.models.list()] == ["nano"]
    asked = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    same = [
        client.chat.completions.create(model="nano", messages=asked, seed=3, max_tokens=5)  # type: ignore[call-overload]
        for _ in range(2)
    ]
    first, again = (answer.choices[0].message.content for answer in same)
    assert first == again
    assert same[0].usage.completion_tokens <= 5
    assert same[0].usage.total_tokens == same[0].usage.prompt_tokens + same[0].usage.completion_tokens


def test_a_stop_that_is_asked_for_is_not_in_the_answer(served: PolicyServer) -> None:
    (step,) = [next(play([Match(LAKE, 1, ("it",))], {"it": make_agent("nano")})).steps[0]]
    agent = served.agent
    assert isinstance(agent, LanguageAgent)
    messages = agent.template.messages(LAKE, step.observation)
    body = {"messages": messages, "temperature": 0, "max_tokens": 8}
    whole = post(served, body)[1]["choices"][0]
    cut = post(served, {**body, "stop": "</action>"})[1]["choices"][0]
    assert whole["message"]["content"].endswith("</action>")
    assert cut["message"]["content"] == whole["message"]["content"].removesuffix("</action>")
    assert whole["finish_reason"] == "stop"
    assert post(served, {**body, "max_tokens": 1})[1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"no json", 400, "JSON"),
        ({}, 400, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "content"),
        ({"messages": [{"role": "user", "content": "x"}], "stream": True}, 400, "stream"),
        ({"messages": [{"role": "user", "content": "x"}], "n": 2}, 400, "n"),
        ({"messages": [{"role": "user", "content": "x"}], "temperature": -1}, 400, "temperature"),
    ],
)
def test_what_cannot_be_answered_is_said(served: PolicyServer, body: Any, status: int, says: str) -> None:
    got, answer = post(served, body)
    assert got == status
    assert says in answer["error"]["message"]


def test_no_other_page(served: PolicyServer) -> None:
    assert post(served, {}, "/completions")[0] == 404


def test_only_language_models_are_served() -> None:
    with pytest.raises(UsageError, match="no language model"):
        serve("random", host="127.0.0.1", port=0)


def test_many_ask_at_once(served: PolicyServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("ARENA_API_MAX_TOKENS", "8")
    (row,) = evaluate("nano", make_agent(f"nano@{served.url}"), [LAKE], episodes=8)
    assert row.episodes == 8
    assert row.errors == 0
