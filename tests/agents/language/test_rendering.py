"""A chat template that takes too much is refused in one line, before it is rendered in this process."""

from __future__ import annotations

import sys

import pytest

from arena_agents.causal_lm.load import load_tokenizer
from arena_agents.language.chat import ChatFormat
from arena_agents.language.rendering import try_rendering
from arena_agents.nano import MODEL_DIR
from arena_games.base import UsageError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("template", ["{{ 'x' * 10**10 }}", "{{ 'x' | center(10**10) }}", LOOP])
def test_a_template_that_takes_too_much_is_refused(template: str) -> None:
    tokenizer = load_tokenizer(str(MODEL_DIR))
    tokenizer.chat_template = template
    with pytest.raises(UsageError, match="chat template takes more than"):
        ChatFormat.of(tokenizer)


def test_what_is_rendered_there_is_of_no_consequence_here() -> None:
    seen: list[int] = []
    try_rendering(lambda: seen.append(1))
    try_rendering(lambda: 1 / 0)  # the template's own error is told where it is rendered in earnest
    assert not seen
