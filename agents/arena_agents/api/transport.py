"""One request to the server and back, through the `openai` client: bytes to JSON, errors to `RequestError`.

What that client does by itself is undone here: it would send what `OPENAI_*` variables hold (organisation,
project, any header) to whatever server it is pointed at, try again, and follow redirects, which carry the
prompt to whom nobody named.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arena_agents.address import Address
from arena_agents.api.bounded import bounded_client
from arena_agents.api.errors import MalformedError, RequestError, status_error
from arena_agents.api.secret import SHORTEST_SECRET, without_keys_inside
from arena_games.base import UsageError

Body = dict[str, Any]

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
        key = address.key()
        self.secrets = (key,) if key is not None and len(key) >= SHORTEST_SECRET else ()
        self._openai = _open(address, key, timeout_s)

    async def close(self) -> None:
        await self._openai.close()

    async def complete(self, endpoint: str, body: Body) -> Any:
        """The JSON that one of the `ENDPOINTS` answers."""
        needed = ENDPOINTS[endpoint]
        resource = self._openai.chat.completions if needed == "messages" else self._openai.completions
        rest = {name: value for name, value in body.items() if name not in ("model", needed)}
        request = {"model": body["model"], needed: body[needed], "extra_body": rest}
        async with self._named_errors(), resource.with_streaming_response.create(**request) as response:
            return self._without_key(_parsed(await response.read()))

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
            if isinstance(error.__cause__, RequestError):  # of `bounded_client`
                raise error.__cause__ from None
            kind = type(error.__cause__ or error).__name__
            raise RequestError(f"the connection to the server failed ({kind})") from None

    def _without_key(self, value: Any) -> Any:
        """The same JSON value with the key struck out of every text: a server may send it back."""
        return without_keys_inside(value, self.secrets)


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
        http_client=bounded_client(openai.DefaultAsyncHttpxClient, event_hooks={"request": [only_ours]}),
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"no JSON ({type(error).__name__})") from None
