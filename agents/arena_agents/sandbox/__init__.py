"""A process of its own for an agent that is not ours: it sees observations, and what it says is data.

    arena ── Sandboxed ──────────── socket (wire) ─────────── child: the agent
      │                                                         │ what it prints
      └── pipe that ends when we do ──> keeper, its parent <────┘ ──> its log

`Sandboxed` is the agent as the rest of the program knows it. `process` starts the two processes behind it,
`keeper` ends all that the agent leaves behind, `child` imports and asks it, `wire` is what passes between,
`budget` its processor time.

This keeps an agent's faults to itself: crashes, hangs, memory, exits, prints, threads, reaching into the
referee. It is no wall against malice: the agent runs as the user and can do what the user can.
"""

from arena_agents.sandbox.agent import Sandboxed
from arena_agents.sandbox.settings import Sandbox

__all__ = ["Sandbox", "Sandboxed"]
