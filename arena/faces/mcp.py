"""A seat of a game as a server of the Model Context Protocol, so that a coding agent can take it.

Three tools: `new_game`, `observe`, `move`. What they say is what a language model is shown in the arena, and
a reply that cannot be read costs a random legal move here as there. Needs `mcp`, 1.24 to 2.x.
"""

from __future__ import annotations

from typing import Any

from arena.faces.session import Session, over, shown
from arena.match.seeds import Split, episode_seed
from arena_games.base import UsageError, action_reply, points

__all__ = ["run", "server"]


def server(game: str, *, seat: int = 0, opponent: str = "random") -> Any:
    """An MCP server of one seat; games begin from the seeds for training.

    Raises UsageError for unknown games and agents, and where mcp is not installed.
    """
    session = Session(game, seat=seat, opponent=opponent)
    spec = session.spec
    rules = "\n".join(f"- {rule}" for rule in spec.rules)
    made = _kind()(f"tmsg-{spec.name.partition(':')[0]}", instructions=f"{spec.task}\n\nRules:\n{rules}")

    @made.tool()  # type: ignore[untyped-decorator]
    def new_game(seed: int = 0) -> str:
        """Begin a game; the same seed begins the same one. Returns what your seat sees first."""
        return shown(session.new_game(episode_seed(Split.TRAIN, seed)))

    @made.tool()  # type: ignore[untyped-decorator]
    def observe() -> str:
        """What your seat sees now."""
        return shown(session.observation) if session.observation else over(session)

    @made.tool()  # type: ignore[untyped-decorator]
    def move(action: str) -> str:
        """Play one of the legal actions by its name. Returns what it earned, and what your seat sees next."""
        moved = session.move(action_reply(action))
        invalid = (
            f"That could not be played ({moved.invalid}); a random legal action was. "
            if moved.invalid
            else ""
        )
        paid = f"{invalid}You earned {points(moved.reward)}.\n\n"
        return paid + (shown(moved.observation) if moved.observation else over(session))

    return made


def run(game: str, *, seat: int = 0, opponent: str = "random") -> None:
    """Serve on stdin and stdout until they close."""
    server(game, seat=seat, opponent=opponent).run(transport="stdio")


def _kind() -> Any:
    """The server class: mcp 2 renamed it."""
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        try:
            from mcp.server.fastmcp import FastMCP as MCPServer
        except ImportError as error:
            raise UsageError("a seat by MCP needs the package mcp; pip install 'tmsg-arena[mcp]'") from error
    return MCPServer
