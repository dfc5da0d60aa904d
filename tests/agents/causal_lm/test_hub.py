"""Whether the hub answers: directly, or through the proxy that the environment names."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from huggingface_hub import constants

from arena_agents.causal_lm.hub import hub_answers, proxy_for

HUB = "http://hub.invalid"  # a name that no one answers to


@contextmanager
def proxy(status: int) -> Iterator[str]:
    """A proxy on this machine that answers everything so; yields its address."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", HUB)


@pytest.mark.parametrize(("status", "answers"), [(200, True), (404, True), (503, False), (407, False)])
def test_behind_a_proxy_the_hub_is_asked_through_it(monkeypatch, status, answers):
    with proxy(status) as address:
        monkeypatch.setenv("http_proxy", address)
        assert hub_answers.__wrapped__(2.0) is answers


def test_a_proxy_that_is_not_there_is_no_answer(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert hub_answers.__wrapped__(2.0) is False


def test_a_host_that_is_to_be_had_directly_is_asked_directly(monkeypatch):
    with proxy(200) as address:
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", "hub.invalid")
        assert proxy_for(HUB) is None
        assert hub_answers.__wrapped__(2.0) is False


def test_which_proxy_an_address_has(monkeypatch):
    assert proxy_for("https://huggingface.co") is None
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_for("https://huggingface.co") == "http://proxy.example:3128"
    assert proxy_for(HUB) is None
    monkeypatch.setenv("all_proxy", "socks5://proxy.example")
    assert proxy_for(HUB) == "socks5://proxy.example"
