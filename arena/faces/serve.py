"""A language policy behind OpenAI's chat completions, for any client of such a server, our own included.

Requests that wait together and are sampled alike are drawn in one batch, each by its own seed. There is
no key: it is meant for this machine, or for a network that one trusts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from arena.faces.chat_request import Request
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.language.agent import LanguageAgent
from arena_agents.limits import LARGEST_REQUEST
from arena_agents.registry import make_agent
from arena_games.base import UsageError

__all__ = ["PolicyServer", "serve"]

GATHER_S = 0.02  # in which requests that come together are gathered
PATIENCE_S = 30.0  # for a batch that is being drawn
FINISHES = {"length": "length"}


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt to be answered."""

    prompt: Ids
    sampling: Sampling
    seed: int
    answer: Future[TokenSample] = field(default_factory=Future)


class PolicyServer:
    """Answers at `url`, once `serve_forever` is called, from a thread if need be. Port 0 takes a free one."""

    def __init__(self, agent: LanguageAgent, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.agent, self.name = agent, name
        self._jobs: Queue[Job | None] = Queue()  # None is the last
        self._http = ThreadingHTTPServer((host, port), type("Answers", (Answers,), {"policy": self}))
        self._http.daemon_threads = True
        self.url = f"http://{host}:{self._http.server_address[1]}/v1"
        self._drawing = Thread(target=self._draw, daemon=True)
        self._drawing.start()

    def serve_forever(self) -> None:
        """Answer until `close` is called."""
        self._http.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Answer no more; what is being drawn is waited for.

        Python aborts if it ends while a thread is within torch. `serve_forever` must have been called.
        """
        self._http.shutdown()
        self._http.server_close()
        self._jobs.put(None)
        self._drawing.join(PATIENCE_S)

    def complete(self, request: Request) -> dict[str, Any]:
        """The response's body. Raises UsageError for messages that the chat template refuses."""
        agent, sampling = self.agent, request.sampling(self.agent.sampling)
        chat = (
            agent.prompted(request.chat_template_kwargs).chat if request.chat_template_kwargs else agent.chat
        )
        prompt = chat.ids(agent.tokenizer, request.said())
        seed = time.time_ns() if request.seed is None else request.seed
        job = Job(tuple(prompt), sampling, seed % 2**63)
        self._jobs.put(job)
        reply = agent.sampled(job.answer.result(), sampling)
        asked_to_stop = [
            reply.text.find(stop) for stop in sampling.stop if request.stop and stop in reply.text
        ]
        usage = reply.usage
        assert usage is not None
        message = {"role": "assistant", "content": reply.text[: min(asked_to_stop, default=None)]}
        if reply.reasoning is not None:
            message["reasoning_content"] = reply.reasoning
        counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        return {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.name,
            "choices": [
                {"index": 0, "message": message, "finish_reason": FINISHES.get(str(usage.finish), "stop")}
            ],
            "usage": {**counts, "total_tokens": sum(counts.values())},
        }

    def _draw(self) -> None:
        """Draw what waits, in batches of equal sampling, until `close`."""
        while None not in (waiting := self._waiting()):
            jobs = [job for job in waiting if job is not None]
            for sampling in dict.fromkeys(job.sampling for job in jobs):
                self._answer([job for job in jobs if job.sampling == sampling], sampling)
        for job in waiting:
            if job is not None:
                job.answer.set_exception(RuntimeError("the server has been stopped"))

    def _waiting(self) -> list[Job | None]:
        """The requests that wait, at least one, and those that come a moment later."""
        found = [self._jobs.get()]
        time.sleep(GATHER_S)
        try:
            while True:
                found.append(self._jobs.get_nowait())
        except Empty:
            return found

    def _answer(self, jobs: Sequence[Job], sampling: Sampling) -> None:
        prompts, seeds = [job.prompt for job in jobs], [job.seed for job in jobs]
        try:
            samples = self.agent.thinker.sample(self.agent.engine, prompts, sampling, seeds)
        except Exception as error:  # of a batch that cannot be drawn: every request of it is told
            for job in jobs:
                job.answer.set_exception(error)
            return
        for job, sample in zip(jobs, samples, strict=True):
            job.answer.set_result(sample)


class Answers(BaseHTTPRequestHandler):
    """One connection."""

    policy: PolicyServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.rstrip("/") != "/v1/models":
            return self._send(404, _error("no such page; there are /v1/models and /v1/chat/completions"))
        self._send(
            200, {"object": "list", "data": [{"id": self.policy.name, "object": "model", "owned_by": "me"}]}
        )

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            return self._send(413, _error(f"a body of at most {LARGEST_REQUEST} bytes is read"))
        body = self.rfile.read(int(length))
        if self.path.rstrip("/") != "/v1/chat/completions":
            return self._send(404, _error("no such page; there are /v1/models and /v1/chat/completions"))
        try:
            self._send(200, self.policy.complete(Request.model_validate_json(body)))
        except ValidationError as error:
            first = error.errors()[0]
            self._send(400, _error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}"))
        except UsageError as error:
            self._send(400, _error(str(error)))
        except Exception as error:
            self._send(500, _error(f"{type(error).__name__}: {error}"[:300]))

    def log_message(self, format: str, *args: Any) -> None: ...

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _error(said: str) -> dict[str, Any]:
    return {"error": {"message": said, "type": "invalid_request_error"}}


def serve(spec: str, *, host: str, port: int, engine: str = "auto") -> PolicyServer:
    """A server of the language agent of that spec. Raises UsageError if it is none, or the port is taken."""
    from arena_agents.engines.choose import parse_engine

    agent = make_agent(spec, engine=parse_engine(engine))
    if not isinstance(agent, LanguageAgent):
        raise UsageError(
            f"{spec} is no language model of this machine; name a preset, hf:MODEL, or a run's folder"
        )
    try:
        return PolicyServer(agent, spec, host, port)
    except OSError as error:
        raise UsageError(f"cannot serve at {host}:{port}: {error.strerror}; choose another --port") from error
