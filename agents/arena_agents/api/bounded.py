"""Answers of bounded size, below the `openai` client, which would read an error's whole body, however long.

An answer is taken in and unpacked here, up to the limit, whatever its status and whatever was asked.
"""

from __future__ import annotations

from typing import Any

from arena_agents.api.errors import RequestError
from arena_agents.limits import LARGEST_ANSWER, MIB

UNPACKED = "gzip, deflate"  # no more than a thousandfold; other packings know no bound
ACCEPTED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
DROPPED = frozenset({"content-encoding", "content-length", "transfer-encoding"})  # what is handed on is plain


def bounded_client(kind: type[Any], **options: Any) -> Any:
    """An HTTP client of this kind (httpx's `AsyncClient`, or one made of it) that follows no redirects.

    Its answers have been read whole; one that is too long is a RequestError.
    """

    class Bounded(kind):  # type: ignore[misc]
        async def send(self, request: Any, **sending: Any) -> Any:
            answer = await super().send(request, **{**sending, "stream": True, "follow_redirects": False})
            try:
                body = await _read(answer)
            finally:
                await answer.aclose()
            kept = [pair for pair in answer.headers.multi_items() if pair[0].lower() not in DROPPED]
            return type(answer)(answer.status_code, headers=kept, content=body, request=request)

    made = Bounded(**options)
    made.headers["accept-encoding"] = UNPACKED
    return made


async def _read(answer: Any) -> bytes:
    if answer.headers.get("content-encoding", "").strip().lower() not in ACCEPTED:
        raise RequestError("the server's answer is packed in an unknown way", again=False, passing=False)
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise RequestError(
                f"the server's answer is longer than {LARGEST_ANSWER // MIB} MiB", again=False, passing=False
            )
    return bytes(body)
