"""What a server sends is bounded, whatever its status, is not had from elsewhere, and holds no key."""

from __future__ import annotations

import gzip
import logging
import resource
import zlib
from collections.abc import Callable

import pytest

from arena.match.border import taken_in
from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from arena_agents.api.errors import RequestError
from arena_agents.api.secret import keys, without_keys
from arena_agents.api.settings import Settings
from arena_agents.language.api_agent import load_server_agent
from arena_agents.limits import LARGEST_ANSWER, MOST_TOKENS
from arena_games.base import UsageError
from tests.agents.api.openai_server import Behaviour, Call, completion, says, serving, status
from tests.agents.api.served import RIGHT, AgentAt, timed

KEY = "sk-SecretKey0123456789abcdef"
pytestmark = pytest.mark.usefixtures("quick")


def endless(code: int) -> Behaviour:
    """A body that does not end, in chunks of a mebibyte."""

    def behave(call: Call) -> None:
        call.start(code, {"Transfer-Encoding": "chunked"})
        chunk = b"100000\r\n" + b" " * 2**20 + b"\r\n"
        while not call.stopped.is_set():
            call.handler.wfile.write(chunk)

    return behave


def packed(code: int, pack: Callable[[bytes], bytes], encoding: str) -> Behaviour:
    body = pack(b" " * (64 * 2**20))
    return lambda call: call.send(code, body, {"Content-Encoding": encoding})


def thrice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(gzip.compress(body)))


BODIES = {
    "endless": endless,
    "gzip": lambda code: packed(code, gzip.compress, "gzip"),
    "deflate": lambda code: packed(code, zlib.compress, "deflate"),
    "thrice": lambda code: packed(code, thrice, "gzip, gzip, gzip"),
    "brotli": lambda code: packed(code, lambda body: body[:100], "br"),
}


@pytest.mark.parametrize("code", [200, 400, 404, 500])
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_is_bounded_whatever_its_status(make: AgentAt, code: int, body: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(BODIES[body](code)) as server:
        (reply,), _ = timed(make(server, deadline_s=30.0))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kibibytes on Linux
    assert reply.error is not None
    expected = f"longer than {LARGEST_ANSWER // 2**20} MiB"
    assert (expected if body in ("endless", "gzip", "deflate") else "packed in an unknown way") in reply.error
    assert grown < 400 * 1024
    assert len(server.calls) == 1


@pytest.mark.parametrize("code", [200, 500])
def test_the_list_of_models_is_bounded(code: int) -> None:
    with serving(says(), models=endless(code)) as server:
        client = ServerClient(Address("m", server.url), Settings())
        with pytest.raises(RequestError, match="longer than 8 MiB"):
            client.get("/models")
        client.close()


@pytest.mark.parametrize("code", [300, 301, 302, 303, 305, 307, 308])
def test_redirects_are_not_followed(make: AgentAt, code: int) -> None:
    with serving(says()) as other:
        away = status(code, "", {"Location": f"{other.url}/chat/completions"})
        with serving(away) as server:
            (reply,), _ = timed(make(server))
        with serving(says(), models=away) as server, pytest.raises(UsageError, match="not followed"):
            load_server_agent(f"m@{server.url}")
    assert reply.error == (
        f"the server redirects elsewhere ({code}), which is not followed; name the URL that answers"
    )
    assert not other.calls
    assert not other.asked_for_models


def parts(*texts: str) -> Behaviour:
    content = [{"type": "text", "text": text} for text in texts]
    return lambda call: call.send(200, completion({"content": content}))


@pytest.mark.parametrize(
    "behaviour",
    [
        parts(KEY[:9], KEY[9:] + RIGHT),
        parts(*KEY, RIGHT),
        says(KEY.upper() + RIGHT),
        says(" ".join(KEY) + RIGHT),
        says("\u200b".join(KEY) + RIGHT),
        says(KEY[: len(KEY) // 2] + RIGHT),
        says(f"{RIGHT}{KEY}", reasoning_content=f"I was told {KEY[:5]}\n{KEY[5:]}"),
        status(400, {"error": {"message": f"bad {KEY[:9]} {KEY[9:]}"}}),
        status(400, {"error": {"message": KEY[:9], "detail": KEY[9:]}}),
    ],
)
def test_a_key_that_comes_back_in_pieces_is_struck_out(
    make: AgentAt, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ARENA_API_KEY", KEY)
    with caplog.at_level(logging.DEBUG), serving(behaviour) as server:
        (reply,), _ = timed(make(server))
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"
    for told in (repr(reply), repr(taken_in(reply, keys())), caplog.text):
        bare = "".join(char for char in told.lower() if char.isalnum() or char == "-")
        assert KEY.lower() not in bare
        assert KEY.lower()[: len(KEY) // 2] not in bare
    if reply.error is None:
        assert "[key]" in f"{reply.text}{reply.reasoning}"


def test_a_placeholder_is_no_key() -> None:
    assert keys({"ARENA_API_KEY": "none"}) == ()
    assert without_keys("none of them", keys({"ARENA_API_KEY": "none"})) == "none of them"


def test_counts_beyond_belief_are_unknown(make: AgentAt) -> None:
    counts = {"prompt_tokens": 2**53 - 1, "completion_tokens": MOST_TOKENS}
    with serving(lambda call: call.send(200, completion({"content": RIGHT}, **counts))) as server:
        (reply,), _ = timed(make(server))
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (None, MOST_TOKENS)
