"""One request to the server and back, through the `openai` client: bytes to JSON, errors to `RequestError`.

Two things that client does by itself are undone here: it would send what `OPENAI_*` variables hold
(organisation, project, any header) to whatever server it is pointed at, and it would try again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arena_agents.address import Address
from arena_agents.api.errors import MalformedError, RequestError, status_error
from arena_games.base import UsageError

Body = dict[str, Any]

LARGEST_BODY = 8 * 2**20  # bytes of an answer; what is longer is no reply to anything
SHORTEST_SECRET = 8  # characters; shorter keys are placeholders, which any text may hold
NO_KEY = "none"  # the openai client insists on one; it is not sent
SENT_HEADERS = frozenset(
    {
        *("host", "accept", "accept-encoding", "connection", "content-type", "content-length"),
        *("transfer-encoding", "user-agent", "authorization", "x-stainless-raw-response"),
    }
)
ENDPOINTS = {"chat/completions": "messages", "completions": "prompt"}  # and what each must be given


class Transport:
    """Requests to one address. They raise `RequestError`, or `MalformedError` for an unreadable body."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self.address = address
        self._key = address.key()
        self._openai = _open(address, self._key, timeout_s)

    async def close(self) -> None:
        await self._openai.close()

    async def complete(self, endpoint: str, body: Body) -> Any:
        """The JSON that one of the `ENDPOINTS` answers."""
        needed = ENDPOINTS[endpoint]
        resource = self._openai.chat.completions if needed == "messages" else self._openai.completions
        rest = {name: value for name, value in body.items() if name not in ("model", needed)}
        request = {"model": body["model"], needed: body[needed], "extra_body": rest}
        async with self._named_errors(), resource.with_streaming_response.create(**request) as response:
            return self._without_key(_parsed(await _limited(response)))

    async def get(self, path: str) -> Any:
        """The JSON (or else text) at any path."""
        async with self._named_errors():
            return self._without_key(await self._openai.get(path, cast_to=object))

    async def post(self, path: str, body: Body) -> Any:
        """The JSON (or else text) that any path answers to a JSON body."""
        async with self._named_errors():
            return self._without_key(await self._openai.post(path, cast_to=object, body=body))

    @asynccontextmanager
    async def _named_errors(self) -> AsyncIterator[None]:
        """Whatever goes wrong inside as one of our own errors, in which the key does not stand."""
        import openai

        try:
            yield
        except (MalformedError, RequestError):
            raise
        except openai.APIStatusError as error:
            status, said = error.status_code, self._without_key(error.body)
            raise status_error(status, error.response.headers, said, self.address.key_names) from None
        except ValueError as error:
            raise MalformedError(f"no JSON ({type(error).__name__})") from None
        except openai.APITimeoutError:
            raise RequestError("the server does not answer") from None
        except Exception as error:  # the client's own, and what reading a broken stream raises
            kind = type(error.__cause__ or error).__name__
            raise RequestError(f"the connection to the server failed ({kind})") from None

    def _without_key(self, value: Any) -> Any:
        """The same JSON value with the key struck out of every text: a server may send it back."""
        if self._key is None or len(self._key) < SHORTEST_SECRET:
            return value
        if isinstance(value, str):
            return value.replace(self._key, "[key]")
        if isinstance(value, list):
            return [self._without_key(item) for item in value]
        if isinstance(value, dict):
            return {self._without_key(name): self._without_key(item) for name, item in value.items()}
        return value


def _open(address: Address, key: str | None, timeout_s: float) -> Any:
    try:
        import openai
        import tenacity  # noqa: F401  # wanted later: say now that it is missing
    except ImportError as error:
        raise UsageError(
            f"{address.spec}@… needs the package {error.name}; pip install 'tmsg-arena[api]'"
        ) from error

    async def only_ours(request: Any) -> None:
        for name in list(request.headers):
            if name.lower() not in SENT_HEADERS:
                del request.headers[name]
        if key is None:
            request.headers.pop("authorization", None)

    authorization = {} if key is None else {"Authorization": f"Bearer {key}"}
    return openai.AsyncOpenAI(
        api_key=key or NO_KEY,
        base_url=address.url,
        max_retries=0,
        timeout=timeout_s,
        default_headers=authorization,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks={"request": [only_ours]}),
    )


async def _limited(response: Any) -> bytes:
    body = bytearray()
    async for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RequestError(
                f"the server's answer is longer than {LARGEST_BODY // 2**20} MiB", again=False, passing=False
            )
    return bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"no JSON ({type(error).__name__})") from None
