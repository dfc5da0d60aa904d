"""The server agent: what it sends, and what it makes of every kind of reply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from arena_agents import Reply
from arena_agents.api.models import served_model
from arena_agents.base import Sampling
from arena_agents.language.api_agent import folded
from arena_agents.language.template import load_template
from arena_games.base import UsageError
from tests.agents.api.openai_server import (
    Behaviour,
    completion,
    raw,
    refuses,
    says,
    serving,
    slowly,
    status,
)
from tests.agents.api.served import RIGHT, AgentAt, seen, timed, usage

KEY = "sk-planted-0123456789"
pytestmark = pytest.mark.usefixtures("quick")


def test_a_request_holds_the_prompt_and_the_generation_config(make: AgentAt) -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, max_new_tokens=33)
    with serving(says()) as server:
        assert make(server, sampling=sampling).act(seen()) == [Reply(RIGHT, usage=usage())]
    (call,) = server.calls
    messages = load_template().messages(_snake(), seen()[0])
    assert call.path == "/v1/chat/completions"
    assert call.body == {
        "model": "m", "messages": messages, "temperature": 0.5, "top_p": 0.9, "max_tokens": 33, "seed": 0,
    }  # fmt: skip


def _snake() -> Any:
    from arena_games.registry import find_game

    return find_game("snake")


def test_vllm_is_told_not_to_use_the_models_own_settings(make: AgentAt) -> None:
    with serving(says()) as server:
        make(server, vllm=True).act(seen())
        make(server, vllm=True, sampling=Sampling(top_k=5)).act(seen())
    pinned = [
        {name: call.body[name] for name in ("top_k", "min_p", "repetition_penalty")} for call in server.calls
    ]
    assert pinned == [{"top_k": k, "min_p": 0.0, "repetition_penalty": 1.0} for k in (-1, 5)]


def test_held_to_choices_vllm_is_told_the_legal_replies(make: AgentAt) -> None:
    names = _snake().action_names
    board = replace(seen()[0], action_names=names)
    with serving(says()) as server:
        agent = make(server, vllm=True)
        agent.decoding("choice").act([replace(board, legal=(0, 2))])
        agent.act([board])
        with pytest.raises(UsageError, match=r"no vLLM server, .* --decode free"):
            make(server).decoding("choice")
    chosen, free = (call.body for call in server.calls)
    offered = [f"<action>{names[action]}</action>" for action in (0, 2)]
    assert chosen["structured_outputs"] == {"choice": offered}
    assert "structured_outputs" not in free


def test_each_decision_sends_its_own_seed_always_the_same(make: AgentAt) -> None:
    with serving(says()) as server:
        agent = make(server)
        for _ in range(2):
            agent.act(seen(10))
    sent = {call.body["messages"][-1]["content"]: call.body["seed"] for call in server.calls}
    assert sent == {f"board {turn}": turn for turn in range(10)}
    assert len(server.calls) == 20
    assert folded(2**64 - 1) == 2**31 - 1


@pytest.mark.parametrize(
    ("behaviour", "text", "finish"),
    [
        (says(None, refusal="I cannot."), "I cannot.", "refusal"),
        (says(""), "", "empty"),
        (says("<action>ri", "length"), "<action>ri", "length"),
        (says("\ud800\x00\x1b[31m"), "\ud800\x00\x1b[31m", "stop"),
        (says("x" * 5_000_000), "x" * 5_000_000, "stop"),
    ],
    ids=["refusal", "empty", "cut off", "hostile", "megabytes"],
)
def test_odd_replies_are_replies(make: AgentAt, behaviour: Behaviour, text: str, finish: str) -> None:
    with serving(behaviour) as server:
        assert make(server).act(seen()) == [Reply(text, usage=usage(finish=finish))]


def test_a_reply_without_end_is_an_error(make: AgentAt) -> None:
    with serving(raw(b" " * (9 * 2**20))) as server:
        (reply,), _ = timed(make(server))
    assert reply.error == "the server's answer is longer than 8 MiB"
    assert not reply.passing


def test_reasoning_comes_apart(make: AgentAt) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 5}}
    body = completion({"content": RIGHT, "reasoning_content": "<action>up</action>"}, **details)
    with serving(lambda call: call.send(200, body)) as server:
        (reply,) = make(server).act(seen())
    assert (reply.text, reply.reasoning) == (RIGHT, "<action>up</action>")
    assert reply.usage is not None
    assert reply.usage.reasoning_tokens == 5


def test_no_more_requests_at_once_than_allowed(make: AgentAt) -> None:
    with serving(slowly(0.2, says())) as server:
        assert len(make(server, concurrency=4).act(seen(16))) == 16
        assert server.most_at_once == 4


def test_replies_keep_the_order_of_the_observations(make: AgentAt) -> None:
    def echo(call: Any) -> None:
        text = call.body["messages"][-1]["content"]
        slowly(0.1 if text.endswith(("0", "3")) else 0, says(text))(call)

    with serving(echo) as server:
        assert [reply.text for reply in make(server).act(seen(8))] == [f"board {turn}" for turn in range(8)]


def test_a_parameter_that_is_refused_is_left_out_from_then_on(
    make: AgentAt, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(refuses("max_tokens", "temperature", "seed")) as server:
        agent = make(server, concurrency=1)
        assert agent.act(seen(3)) == [Reply(RIGHT, usage=usage(retries=n)) for n in (3, 0, 0)]
    assert len(server.calls) == 6
    last = server.calls[-1].body
    assert last["max_completion_tokens"] == 256
    assert not last.keys() & {"max_tokens", "temperature", "seed"}
    assert [record.getMessage() for record in caplog.records] == [
        "arena: m does not take max_tokens; max_completion_tokens is sent instead",
        "arena: m does not take temperature; it is left out",
        "arena: m does not take seed; it is left out",
    ]


def test_a_parameter_may_be_refused_in_other_words(make: AgentAt) -> None:
    words = {"detail": [{"loc": ["body", "top_p"], "msg": "Extra inputs are not permitted"}]}

    def behave(call: Any) -> None:
        (status(422, words) if "top_p" in call.body else says())(call)

    with serving(behave) as server:
        assert make(server).act(seen()) == [Reply(RIGHT, usage=usage(retries=1))]


@pytest.mark.parametrize("param", ["max_completion_tokens", "messages", "model", None])
def test_what_cannot_be_left_out_is_an_error_at_once(make: AgentAt, param: str | None) -> None:
    error = {"message": "the context is too long", "param": param}
    with serving(status(400, {"error": error})) as server:
        (reply,), _ = timed(make(server))
    assert reply.error == "the server answers 400: the context is too long"
    assert not reply.passing
    assert len(server.calls) == 1


def test_the_key_is_sent_and_never_shown(make: AgentAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    echo = status(400, {"error": {"message": f"bad key {KEY}"}})
    with serving(
        says(f"{KEY} {RIGHT}", reasoning=KEY), echo, status(401, {"error": {"message": KEY}})
    ) as server:
        agent = make(server, concurrency=1)
        replies = agent.act(seen(3))
    assert {call.headers["authorization"] for call in server.calls} == {f"Bearer {KEY}"}
    assert replies[0].text == f"[key] {RIGHT}"
    for thing in (replies, agent, agent.client, vars(agent.client), agent.client.address):
        assert KEY not in repr(thing)


def test_a_persons_openai_settings_go_to_no_other_server(
    make: AgentAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "BASE_URL"):
        monkeypatch.setenv(f"OPENAI_{name}", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Mine: {KEY}\nAuthorization: Bearer {KEY}")
    with serving(says()) as server:
        agent = make(server)
        served_model(agent.client)
        agent.act(seen())
    for call in [*server.calls, *server.asked_for_models]:
        assert KEY not in str(call.headers)
        assert "authorization" not in call.headers
