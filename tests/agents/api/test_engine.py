"""The server engine: what it asks of vLLM's server, and what it makes of the answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.match.seating import LEARNER, opponent_agents, training_seating
from arena.training.language.rollout import collect
from arena_agents import Agent, Observation, TokenSample
from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from arena_agents.api.settings import Settings
from arena_agents.base import Sampling
from arena_agents.engines.vllm_server import ServerEngine, load_server_engine
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.agents.api.openai_server import Behaviour, Call, FakeServer, hangs, lists, raw, serving, status


def draws(call: Call) -> None:
    """The prompt's last token three times; or what vLLM says about an adapter."""
    if "lora" in call.path:
        call.send(200, f"Success: {call.body['lora_name']}", {"Content-Type": "text/plain"})
        return
    last = call.body["prompt"][-1]
    drawn = {"token_ids": [last] * 3, "logprobs": {"token_logprobs": [-0.5, -1, -2.25]}}
    call.send(200, {"choices": [{"text": "", "finish_reason": "stop", **drawn}]})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_agents.api.errors.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("arena_agents.api.client.MOST_ATTEMPTS", 2)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(draws, models=lists("base", owner="vllm")) as running:
        yield running


def engine_at(server: FakeServer, deadline_s: float = 20.0) -> ServerEngine:
    return ServerEngine(ServerClient(Address("base", server.url), Settings(deadline_s=deadline_s)), "base")


def test_samples_are_the_servers_tokens(server: FakeServer) -> None:
    engine = engine_at(server)
    sampling = Sampling(temperature=0.7, top_k=3, top_p=0.9, max_new_tokens=5, stop=("</a>", "!"))
    samples = engine.generate([[1, 2], [3], [4, 5, 6]], sampling, [7, 2**64 - 1, 9])
    logprobs = (-0.5, -1.0, -2.25)
    assert samples == [TokenSample((1, 2), (2,) * 3, logprobs), TokenSample((3,), (3,) * 3, logprobs),
                       TokenSample((4, 5, 6), (6,) * 3, logprobs)]  # fmt: skip
    sent = {tuple(call.body["prompt"]): call.body for call in server.calls}
    assert {prompt: body["seed"] for prompt, body in sent.items()} == {
        (1, 2): 7,
        (3,): 2**63 - 1,
        (4, 5, 6): 9,
    }
    assert {call.path for call in server.calls} == {"/v1/completions"}
    assert sent[3,] == {
        "model": "base", "prompt": [3], "seed": 2**63 - 1, "temperature": 0.7, "top_k": 3, "top_p": 0.9,
        "min_p": 0.0, "repetition_penalty": 1.0, "max_tokens": 5, "stop": ["</a>", "!"], "logprobs": 0,
        "include_stop_str_in_output": True, "skip_special_tokens": False, "return_token_ids": True,
    }  # fmt: skip
    engine.close()


def tells(call: Call) -> None:
    """Every token of a prompt is as likely as its number says; beside it the likeliest one is told."""
    places = [{str(t): {"logprob": -t / 10}, "0": {"logprob": 0.0}} for t in call.body["prompt"]]
    call.send(200, {"choices": [{"text": "", "prompt_logprobs": [None, *places[1:]]}]})


def test_whole_replies_are_weighed_by_what_the_server_tells_of_prompts() -> None:
    with serving(tells, models=lists("base", owner="vllm")) as server:
        engine = engine_at(server)
        choices = [[(10, 20), (5,)], [(30,), (10, 10, 10), (70, 1)]]
        found = engine.choose([[1, 2], [3]], choices, Sampling(temperature=0), [0, 0])
        engine.close()
    assert [sample.token_ids for sample in found] == [(5,), (30,)]
    assert found[0].logprobs == pytest.approx((-math.log(1 + math.exp(-2.5)),))
    assert found[1].logprobs == pytest.approx((-math.log(2 + math.exp(-4.1)),))
    asked = {tuple(call.body["prompt"]) for call in server.calls}
    assert asked == {(1, 2, 10, 20), (1, 2, 5), (3, 30), (3, 10, 10, 10), (3, 70, 1)}
    assert {call.body["prompt_logprobs"] for call in server.calls} == {0}


def test_a_server_that_tells_nothing_of_prompts_is_an_error(server: FakeServer) -> None:
    engine = engine_at(server)
    with pytest.raises(UsageError, match="no log-probabilities of the prompt"):
        engine.choose([[1]], [[(2,), (3,)]], Sampling(), [0])
    engine.close()


def test_every_policy_has_a_name_of_its_own(server: FakeServer, tmp_path: Path) -> None:
    engine = engine_at(server)
    for version in (1, 2, 2):  # after a step back the same version comes again
        engine.load_policy(tmp_path / f"adapter-{version}", version)
        (sample,) = engine.generate([[1]], Sampling(), [0])
        assert sample.policy_version == version
    engine.close()
    told = [(call.path.removeprefix("/v1/"), _subject(call.body)) for call in server.calls]
    names = [name for path, name in told if path == "completions"]
    assert len(set(names)) == 3
    assert told == [
        ("load_lora_adapter", names[0]), ("completions", names[0]),
        ("load_lora_adapter", names[1]), ("unload_lora_adapter", names[0]), ("completions", names[1]),
        ("load_lora_adapter", names[2]), ("unload_lora_adapter", names[1]), ("completions", names[2]),
        ("unload_lora_adapter", names[2]),
    ]  # fmt: skip
    paths = [call.body["lora_path"] for call in server.calls if "lora_path" in call.body]
    assert paths == [str(tmp_path / f"adapter-{version}") for version in (1, 2, 2)]
    assert engine_at(server)._owner != engine._owner


def _subject(body: dict[str, Any]) -> str:
    return str(body.get("lora_name", body.get("model")))


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"text": "a"}]}',
        b'{"choices": [{"token_ids": null, "logprobs": null}]}',
        b'{"choices": [{"token_ids": [], "logprobs": {"token_logprobs": []}}]}',
        b'{"choices": [{"token_ids": [1, 2], "logprobs": {"token_logprobs": [-1]}}]}',
        b'{"choices": [{"token_ids": ["a"], "logprobs": {"token_logprobs": [-1]}}]}',
        b'{"choices": [{"token_ids": [1], "logprobs": {"token_logprobs": [null]}}]}',
        b"[]",
    ],
)
@pytest.mark.usefixtures("quick")
def test_what_cannot_be_trained_on_is_an_error(body: bytes) -> None:
    with serving(raw(body)) as server:
        engine = engine_at(server)
        with pytest.raises(UsageError, match="the server's answer cannot be read"):
            engine.generate([[1]], Sampling(), [0])
        engine.close()


@pytest.mark.parametrize(("behaviour", "cause"), [(hangs, "no answer within"), (status(401), "the key")])
@pytest.mark.usefixtures("quick")
def test_a_lost_server_is_one_line_that_names_resume(behaviour: Behaviour, cause: str) -> None:
    with serving(behaviour) as server:
        engine = engine_at(server, deadline_s=3.0)
        with pytest.raises(UsageError, match=f"is lost; when it is back, go on with .*--resume .*{cause}"):
            engine.generate([[1]] * 9, Sampling(), range(9))
        engine.close()


def test_a_server_lost_while_a_policy_is_handed_over_is_lost_too(tmp_path: Path) -> None:
    with serving(hangs) as server:
        engine = engine_at(server, deadline_s=1.0)
        with pytest.raises(UsageError, match=r"is lost; when it is back, go on with .*--resume .*no answer"):
            engine.load_policy(tmp_path, 1)
        engine.close()


@pytest.mark.parametrize(
    ("behaviour", "remedy"),
    [
        (status(404), "start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"),
        (status(400, {"error": {"message": "rank 64 is too large"}}), "rank 64 is too large; it must see"),
    ],
)
def test_an_adapter_that_is_not_loaded_is_one_line(behaviour: Behaviour, remedy: str, tmp_path: Path) -> None:
    with serving(behaviour) as server:
        engine = engine_at(server)
        with pytest.raises(UsageError, match=f"does not load the policy: .*{remedy}"):
            engine.load_policy(tmp_path, 1)
        engine.close()


def test_training_needs_vllms_server_and_an_adapter() -> None:
    with serving(draws, models=lists("base")) as server:
        with pytest.raises(UsageError, match="is no vLLM server, as training needs; leave @URL out"):
            load_server_engine(f"base@{server.url}", lora_rank=8)
        with pytest.raises(UsageError, match="--set lora_rank=16"):
            load_server_engine(f"base@{server.url}", lora_rank=0)


class Fails(Agent):
    """Raises what it is made with."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def choose(self, observation: Observation) -> str:
        raise self.error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UsageError("the server is lost; go on with --resume"), "^the server is lost; go on with --resume$"),
        (
            RuntimeError("no memory"),
            r"failed \(RuntimeError: no memory\); .* arena train --resume",
        ),
    ],
)
def test_a_learner_that_cannot_play_ends_the_rollout(error: Exception, line: str) -> None:
    spec = find_game("snake")
    agents: dict[str, Agent] = {LEARNER: Fails(error), **opponent_agents(spec, "house")}
    with pytest.raises(UsageError, match=line):
        collect(spec, agents, [1, 2], training_seating(spec, "house"), repeats=2)
    others = {LEARNER: agents["random"], "house:random": Fails(error)}
    assert collect(spec, others, [1, 2], training_seating(spec, "house")).failed_groups == 2
