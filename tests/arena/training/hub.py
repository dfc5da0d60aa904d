"""A Hub on this machine: what its own client asks for when it makes a repository and commits to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Hub:
    """What was made and committed: repositories by "KIND NAME", their settings and files."""

    address: str = ""
    refuses: int | None = None
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> Any:
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.settings[f"{asked['type']} {name}"] = asked
            where = "datasets/" if asked["type"] == "dataset" else ""
            return {"url": f"{self.address}/{where}{name}", "name": name}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        _, _, kind, owner, name, what, _ = path.split("/")
        if what == "preupload":
            asked = json.loads(body)["files"]
            return {
                "files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]
            }
        assert what == "commit"
        held = self.files.setdefault(f"{kind.removesuffix('s')} {owner}/{name}", {})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                held[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        return {"commitUrl": f"{self.address}/{owner}/{name}/commit/{'0' * 40}", "commitOid": "0" * 40}


@contextmanager
def a_hub() -> Iterator[Hub]:
    """A Hub that answers at `Hub.address` until the block ends."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.partition("?")[0]
            status, answer = (hub.refuses, {}) if hub.refuses else (200, hub.answer(path, body))
            sent = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
