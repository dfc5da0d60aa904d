"""A worker: a process that is sent matches, plays them, and sends back what was played.

    python -m arena.tournament.executor.worker FD

FD is its end of a pair of sockets, over which Python's own `multiprocessing.connection` speaks. What
comes first is the `Task`; then chunks of matches. The worker ends when the other end is closed or its
parent is gone. It is never asked to stop: all it holds is unfinished matches.
"""

from __future__ import annotations

import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from arena.machine.garbage import look_seldom
from arena.machine.parent import end_with_parent
from arena.tournament.agents import Agents
from arena.tournament.executor.base import played
from arena.tournament.executor.feed import Feed
from arena.tournament.executor.task import Task
from arena_games.base import UsageError


def work(connection: Connection) -> None:
    """Play what is sent until no more comes."""
    task: Task = connection.recv()
    tournament = task.tournament()
    agents = Agents(tournament, task.engine, task.sandbox)

    def receive(wait: bool) -> Any:
        return connection.recv() if wait or connection.poll() else None

    feed = Feed({spec.name: spec for spec in tournament.games}, receive)
    while (spec := feed.game()) is not None:
        for one in played(spec, feed.of_game(spec), agents.of_game(spec), task.config):
            connection.send(one)


def main() -> None:
    end_with_parent()
    look_seldom()
    connection = Connection(int(sys.argv[1]))
    try:
        work(connection)
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody listens any more
    except UsageError as error:
        connection.send(error)
    except Exception:
        connection.send(RuntimeError(f"a worker failed:\n{traceback.format_exc()}"))


if __name__ == "__main__":
    main()
