"""A fake OpenAI-compatible server on loopback: real HTTP, scripted misbehaviour.

A behaviour is called with the request (a `Call`) and writes whatever it likes to the socket. The
server plays its script one behaviour a request, then its last one for ever.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Call:
    """One request as it came in, and the ways to answer it."""

    handler: BaseHTTPRequestHandler
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    stopped: threading.Event

    def send(
        self, status: int, content: bytes | str | dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        raw = json.dumps(content) if isinstance(content, dict) else content
        raw = raw.encode() if isinstance(raw, str) else raw
        self.start(status, {"Content-Length": str(len(raw)), **(headers or {})})
        self.handler.wfile.write(raw)

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()


Behaviour = Callable[[Call], None]


@dataclass
class FakeServer:
    """The server's record of what it was asked, and its script."""

    url: str
    script: list[Behaviour]
    models: Behaviour
    calls: list[Call] = field(default_factory=list)
    asked_for_models: list[Call] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, call: Call) -> None:
        with self._lock:
            position = len(self.calls)
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self.script[min(position, len(self.script) - 1)](call)
        finally:
            with self._lock:
                self._at_once -= 1


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news here."""


@contextmanager
def serving(*script: Behaviour, models: Behaviour | None = None, port: int = 0) -> Iterator[FakeServer]:
    """A server that runs while the block does; whatever hangs in it is let go at the end."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            call = self._call({})
            fake.asked_for_models.append(call)
            self._answer(fake.models, call)

        def do_POST(self) -> None:
            self._answer(
                fake.play, self._call(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )

        def _call(self, body: dict[str, Any]) -> Call:
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Call(self, self.path, headers, body, stopped)

        def _answer(self, behaviour: Behaviour, call: Call) -> None:
            try:
                behaviour(call)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has had enough

        def log_message(self, *_: object) -> None: ...

    server = _Quiet(("127.0.0.1", port), Handler)
    fake = FakeServer(f"http://127.0.0.1:{server.server_port}/v1", list(script), models or lists("m"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def lists(*names: str, owner: str = "someone") -> Behaviour:
    """GET /models: these."""
    entries = [{"id": name, "object": "model", "owned_by": owner} for name in names]
    return lambda call: call.send(200, {"object": "list", "data": entries})


def completion(message: dict[str, Any], finish: str = "stop", **usage: Any) -> dict[str, Any]:
    """A chat completion's body."""
    counts = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107} | usage
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": counts}


def says(text: str | None = "<action>right</action>", finish: str = "stop", **more: Any) -> Behaviour:
    """A well-formed answer; `more` goes into the message."""
    return lambda call: call.send(200, completion({"content": text, **more}, finish))


def status(code: int, body: dict[str, Any] | str = "", headers: dict[str, str] | None = None) -> Behaviour:
    """An error."""
    return lambda call: call.send(code, body, headers)


def raw(content: bytes) -> Behaviour:
    """Status 200 with any bytes."""
    return lambda call: call.send(200, content)


def refuses(*names: str) -> Behaviour:
    """400 as long as one of the parameters is there, as OpenAI words it."""

    def behave(call: Call) -> None:
        for name in names:
            if name in call.body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                error = {"message": message, "param": name, "code": "unsupported_parameter"}
                call.send(400, {"error": error})
                return
        says()(call)

    return behave


def half(call: Call) -> None:
    """Promises a body, sends half of it and hangs up."""
    call.start(200, {"Content-Length": "1000"})
    call.handler.wfile.write(b'{"id": "x", "choices": [{"mess')
    call.handler.wfile.flush()
    call.handler.close_connection = True


def hangs(call: Call) -> None:
    """Says nothing until the test is over."""
    call.stopped.wait()
    call.handler.close_connection = True


def drips(call: Call) -> None:
    """Sends a byte now and then, for ever."""
    call.start(200, {"Content-Length": "1000000"})
    while not call.stopped.wait(0.02):
        call.handler.wfile.write(b" ")
        call.handler.wfile.flush()


def slowly(seconds: float, then: Behaviour) -> Behaviour:
    """Waits first."""

    def behave(call: Call) -> None:
        call.stopped.wait(seconds)
        then(call)

    return behave
