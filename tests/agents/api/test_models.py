"""Which served model a spec means, and the settings that the environment holds."""

from __future__ import annotations

import pytest

from arena_agents.api.models import Served, choose
from arena_agents.api.settings import Settings
from arena_agents.language.api_agent import load_server_agent
from arena_games.base import UsageError
from tests.agents.api.openai_server import (
    Behaviour,
    lists,
    raw,
    says,
    serving,
    status,
)
from tests.agents.api.served import seen


def test_a_model_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says(), models=lists("a", "Qwen/Qwen2.5-3B-Instruct", owner="vllm")) as server:
        agent = load_server_agent(f"qwen3b@{server.url}")
        agent.act(seen(2))
    assert agent.model == Served("Qwen/Qwen2.5-3B-Instruct", vllm=True)
    assert len(server.asked_for_models) == 1
    assert {call.body["model"] for call in server.calls} == {"Qwen/Qwen2.5-3B-Instruct"}


@pytest.mark.parametrize(
    ("spec", "served", "name"),
    [
        ("a", ["a", "b"], "a"),
        ("qwen3b", ["qwen3b", "Qwen/Qwen2.5-3B-Instruct"], "qwen3b"),
        ("qwen3b", ["/models/qwen2.5-3b-instruct/"], "/models/qwen2.5-3b-instruct/"),
        ("qwen3b", ["x/Qwen2.5-3B-Instruct", "y/Qwen2.5-3B-Instruct"], None),
        ("qwen3b", ["Qwen/Qwen2.5-72B-Instruct"], None),
        ("hf:org/m", ["org/m"], "org/m"),
        ("llama3", ["llama3:latest", "llama3:70b"], "llama3:latest"),
        ("gpt", ["llama"], None),
    ],
)
def test_which_served_model_a_spec_means(spec: str, served: list[str], name: str | None) -> None:
    assert choose(spec, served) == name


def test_a_model_that_is_not_served_is_one_line() -> None:
    with serving(says(), models=lists("llama", "phi")) as server, pytest.raises(UsageError) as refused:
        load_server_agent(f"gpt@{server.url}")
    assert str(refused.value) == f"{server.url} does not serve 'gpt'; it serves llama, phi"


@pytest.mark.parametrize(
    "models", [status(404), status(405), status(501), raw(b"garbage"), raw(b"[]"), lists()]
)
def test_a_server_that_lists_nothing_is_believed(models: Behaviour) -> None:
    with serving(says(), models=models) as server:
        assert load_server_agent(f"gpt@{server.url}").model == Served("gpt")
        assert load_server_agent(f"qwen3b@{server.url}").model == Served("Qwen/Qwen2.5-3B-Instruct")


def test_a_server_that_wants_a_key_is_one_line() -> None:
    wanted = pytest.raises(UsageError, match=r"for gpt: the server refuses .*; set ARENA_API_KEY$")
    with serving(says(), models=status(401)) as server, wanted:
        load_server_agent(f"gpt@{server.url}")


def test_a_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_agents.api.models.PATIENCE_S", 1.0)
    with serving(says()) as server:
        pass
    with pytest.raises(
        UsageError, match=r"cannot ask http.* for gpt: the connection .*; see that it runs, then repeat"
    ):
        load_server_agent(f"gpt@{server.url}")


@pytest.mark.parametrize("name", ["CONCURRENCY", "DEADLINE", "MAX_TOKENS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "nan", "inf", "²"])
def test_a_bad_setting_is_one_line(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"ARENA_API_{name} must be a .*number above 0, not '"):
        load_server_agent("m@http://127.0.0.1:9/v1", environment={f"ARENA_API_{name}": value})


def test_settings_come_from_the_environment() -> None:
    given = {"ARENA_API_CONCURRENCY": "3", "ARENA_API_MAX_TOKENS": "4000", "ARENA_API_DEADLINE": "0.5"}
    assert Settings.read(given) == Settings(3, 0.5, 4000)
    assert Settings.read({}, concurrency=9) == Settings(9, 120.0, 256)
    with serving(says()) as server:
        agent = load_server_agent(f"m@{server.url}", environment=given)
    assert (agent.at_once, agent.client.deadline_s, agent.sampling.max_new_tokens) == (3, 0.5, 4000)
