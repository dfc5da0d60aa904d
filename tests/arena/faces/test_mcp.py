"""A seat by MCP, played by the protocol's own client over stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def text_of(result: Any) -> str:
    return "\n".join(part.text for part in result.content)


async def play_a_game() -> list[str]:
    said = []
    arguments = ["-m", "arena", "mcp", "frozen-lake"]
    parameters = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        assert {tool.name for tool in (await session.list_tools()).tools} == {"new_game", "observe", "move"}
        said.append(text_of(await session.call_tool("new_game", {"seed": 4})))
        assert text_of(await session.call_tool("observe", {})) == said[0]
        while "The game is over" not in said[-1]:
            said.append(
                text_of(await session.call_tool("move", {"action": "left" if len(said) > 1 else "fly"}))
            )
    return said


def test_a_game_is_played_to_its_end() -> None:
    said = asyncio.run(play_a_game())
    assert "Legal actions: left, down, right, up" in said[0]
    assert "That could not be played" in said[1]
    assert "your return is" in said[-1]
