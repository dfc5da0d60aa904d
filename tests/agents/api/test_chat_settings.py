"""What a server is told of its model's chat template, and what it cannot be told."""

import pytest

from arena_games.base import UsageError
from tests.agents.api.openai_server import says, serving
from tests.agents.api.served import AgentAt, seen

pytestmark = pytest.mark.usefixtures("quick")


def test_a_server_gets_the_settings_in_the_body(make: AgentAt) -> None:
    with serving(says()) as server:
        agent = make(server)
        agent.prompted({"enable_thinking": False}).act(seen())
        agent.act(seen())
    assert server.calls[0].body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in server.calls[1].body


def test_a_server_bounds_no_thoughts(make: AgentAt) -> None:
    with serving(says()) as server, pytest.raises(UsageError, match="ARENA_API_MAX_TOKENS"):
        make(server).thinking(7)
