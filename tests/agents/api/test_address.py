"""`SPEC@URL`: what is read as an address, which key goes where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.tournament.entrants import Entrant, parse_entrants
from arena_agents.address import Address, is_address, parse_address
from arena_agents.registry import make_agent
from arena_games.base import UsageError

KEYS = {"ARENA_API_KEY": "arena-key", "OPENAI_API_KEY": "openai-key"}


@pytest.mark.parametrize(
    ("text", "spec", "url"),
    [
        ("qwen72b@http://host:8000/v1", "qwen72b", "http://host:8000/v1"),
        ("gpt-4o-mini@https://api.openai.com/v1/", "gpt-4o-mini", "https://api.openai.com/v1"),
        ("qwen2.5:3b@http://localhost:11434/v1", "qwen2.5:3b", "http://localhost:11434/v1"),
        ("org/model-7B+x@http://[::1]:80/v1", "org/model-7B+x", "http://[::1]:80/v1"),
        ("a@b@https://h/v1", "a@b", "https://h/v1"),
        ("m@HTTP://H/v1", "m", "HTTP://H/v1"),
    ],
)
def test_an_address_is_a_model_and_a_url(text: str, spec: str, url: str) -> None:
    assert is_address(text)
    assert parse_address(text) == Address(spec, url)
    assert parse_entrants([text]) == [Entrant(text, text)]


@pytest.mark.parametrize(
    "text", ["nano", "my_agent.py:Mine", "pkg.mod:Class", "dir@x", "x@ftp://h", "@http://h"]
)
def test_other_specs_are_none(text: str) -> None:
    assert not is_address(text)


def test_labels_stand_before_addresses_in_a_list() -> None:
    listed = "random,big=qwen72b@http://h:8000/v1,gpt-4o@https://api.openai.com/v1,nano+snake,mine=a.py:Mine"
    assert [(e.label, e.spec, e.base) for e in parse_entrants(listed)] == [
        ("random", "random", None),
        ("big", "qwen72b@http://h:8000/v1", None),
        ("gpt-4o@https://api.openai.com/v1", "gpt-4o@https://api.openai.com/v1", None),
        ("nano+snake", "nano+snake", "nano"),
        ("mine", "a.py:Mine", None),
    ]


@pytest.mark.parametrize(
    "url",
    ["http://me:hunter2@h/v1", "http://hunter2@h/v1", "https://h/v1?key=hunter2", "http://h/v1#hunter2"],
)
def test_a_url_that_holds_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError, match="put the key in ARENA_API_KEY") as refused:
        make_agent(f"m@{url}")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://", "http://h:port/v1", "http://h:99999/v1", "http://[::1/v1", "http://a b/v1"]
)
def test_a_url_that_cannot_be_read_is_one_line(url: str) -> None:
    with pytest.raises(UsageError, match="cannot be read; check it"):
        parse_address(f"m@{url}")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://api.openai.com/v1", "openai-key"),
        ("https://eu.api.openai.com/v1", "openai-key"),
        ("http://api.openai.com/v1", None),  # not encrypted
        ("https://api.openai.com.evil.example/v1", None),
        ("https://evil-api.openai.com.example/v1", None),
        ("http://localhost:8000/v1", None),
    ],
)
def test_an_openai_key_goes_to_openai_only(url: str, key: str | None) -> None:
    address = Address("m", url)
    assert address.key({"OPENAI_API_KEY": "openai-key"}) == key
    assert address.key(KEYS) == "arena-key"
    assert address.key({"ARENA_API_KEY": "  "}) is None


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(UsageError, match="ARENA_API_KEY holds characters that no key has") as refused:
        Address("m", "http://h").key({"ARENA_API_KEY": "hunter\n2"})
    assert "hunter" not in str(refused.value)


def test_the_client_is_not_imported_at_program_start(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, arena.cli.app, arena.views.tournament, arena_agents.registry\n"
        "print([name for name in ('openai', 'tenacity', 'httpx2', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() in ("[]", "['asyncio']"), done.stderr
