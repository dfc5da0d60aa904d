"""`MODEL@URL,URL`: several servers share a batch, and every one gets every policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from arena_agents.address import parse_address, parse_addresses, without_address
from arena_agents.base import Sampling
from arena_agents.engines.base import each_of
from arena_agents.engines.several import SeveralServers, even_parts, load_server_engines
from arena_games.base import UsageError
from tests.agents.api.openai_server import FakeServer, lists, serving, status
from tests.agents.api.test_engine import draws


@pytest.fixture
def servers() -> Iterator[list[FakeServer]]:
    with ExitStack() as running:
        vllm = lists("base", owner="vllm")
        yield [running.enter_context(serving(draws, models=vllm)) for _ in range(3)]


def engine_of(servers: list[FakeServer]) -> SeveralServers:
    engine = load_server_engines("base@" + ",".join(server.url for server in servers), lora_rank=8)
    assert isinstance(engine, SeveralServers)
    return engine


def test_each_server_draws_its_part_and_the_order_stays(servers: list[FakeServer]) -> None:
    engine = engine_of(servers)
    prompts = [[0, number] for number in range(10, 17)]
    samples = engine.generate(prompts, Sampling(), range(7))
    engine.close()
    assert [sample.prompt_ids for sample in samples] == [(0, number) for number in range(10, 17)]
    assert [sample.token_ids for sample in samples] == [(number,) * 3 for number in range(10, 17)]
    asked = [sorted(call.body["prompt"][1] for call in server.calls) for server in servers]
    assert asked == [[10, 11], [12, 13], [14, 15, 16]]
    seeds = {call.body["prompt"][1]: call.body["seed"] for server in servers for call in server.calls}
    assert seeds == {number: number - 10 for number in range(10, 17)}


def test_every_server_is_handed_every_policy(servers: list[FakeServer], tmp_path: Path) -> None:
    engine = engine_of(servers)
    for version in (1, 2):
        engine.load_policy(tmp_path / f"adapter-{version}", version)
    (sample,) = engine.generate([[1]], Sampling(), [0])  # fewer prompts than servers
    assert sample.policy_version == engine.policy_version == 2
    engine.close()
    for server in servers:
        loaded = [call.body["lora_path"] for call in server.calls if "lora_path" in call.body]
        assert loaded == [str(tmp_path / f"adapter-{version}") for version in (1, 2)]
        assert [call.path.endswith("/unload_lora_adapter") for call in server.calls].count(True) == 2


def test_each_is_probed_by_itself(servers: list[FakeServer]) -> None:
    engine = engine_of(servers)
    assert each_of(engine) == engine.engines
    assert [one.name for one in engine.engines] == [f"the server at {server.url}" for server in servers]
    assert each_of(engine.engines[0]) == (engine.engines[0],)
    engine.close()


def test_the_one_that_fails_is_named(servers: list[FakeServer], tmp_path: Path) -> None:
    with serving(status(404), models=lists("base", owner="vllm")) as broken:
        engine = engine_of([servers[0], broken])
        with pytest.raises(UsageError, match=f"the server at {broken.url} does not load the policy"):
            engine.load_policy(tmp_path, 1)
        engine.close()
    with pytest.raises(UsageError, match="is no vLLM server"), serving(draws, models=lists("base")) as other:
        load_server_engines(f"base@{servers[0].url},{other.url}", lora_rank=8)


def test_addresses_are_read_one_by_one() -> None:
    found = parse_addresses("qwen3b@http://a/v1,HTTPS://b:8000/v1/")
    assert [(one.spec, one.url) for one in found] == [
        ("qwen3b", "http://a/v1"),
        ("qwen3b", "HTTPS://b:8000/v1"),
    ]
    assert without_address("qwen3b@http://a/v1,http://b/v1") == "qwen3b"
    assert without_address("hf:x@y") == "hf:x@y"
    with pytest.raises(UsageError, match="names a server twice"):
        parse_addresses("m@http://a/v1,http://a/v1/")
    with pytest.raises(UsageError, match="may not hold a user"):
        parse_addresses("m@http://a/v1,http://user:secret@b/v1")
    with pytest.raises(UsageError, match="a player has one, only a training several"):
        parse_address("m@http://a/v1,http://b/v1")


@pytest.mark.parametrize(("count", "parts"), [(0, 3), (2, 3), (7, 3), (9, 3)])
def test_parts_are_even(count: int, parts: int) -> None:
    cut = [list(range(count))[part] for part in even_parts(count, parts)]
    assert [number for part in cut for number in part] == list(range(count))
    assert max(map(len, cut)) - min(map(len, cut)) <= 1
