"""A process that has a Ray cluster play: Ray ends the process that uses it when the cluster is gone.

    python -m arena.tournament.executor.driver FD

FD is its end of a pair of sockets, as a worker's is. What comes first is how it is to play (`Orders`); it
says `READY`. Then, as often as there is something to be played, comes the number of matches: it asks for
`MORE` of them, is sent chunks or None, sends back what was played, and says `DONE`. While nothing ends it
says `WAITING`, so that whoever listens knows that it is there. It ends when the other end is closed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from multiprocessing.connection import Connection

from arena.machine.parent import end_with_parent
from arena.match.match import Match
from arena.tournament.executor.actors import Actors
from arena.tournament.executor.feed import of_wire
from arena.tournament.executor.orders import Orders, Say
from arena_games.base import GameSpec, UsageError


def drive(connection: Connection) -> None:
    """Have played what is sent until no more comes. Raises UsageError as `Actors` does."""
    orders: Orders = connection.recv()
    games = {spec.name: spec for spec in orders.task.tournament().games}
    with closing(Actors(orders.task, orders.address, orders.count, orders.gpu)) as actors:
        connection.send(Say.READY)
        while True:
            count: int = connection.recv()
            for one in actors.play(_asked_for(connection, games), count):
                connection.send(Say.WAITING if one is None else one)
            connection.send(Say.DONE)


def _asked_for(connection: Connection, games: Mapping[str, GameSpec]) -> Iterator[Match]:
    while True:
        connection.send(Say.MORE)
        chunk = connection.recv()
        if chunk is None:
            return
        yield from of_wire(chunk, games)


def main() -> None:
    end_with_parent()
    connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # nobody listens any more
        try:
            drive(connection)
        except UsageError as error:
            connection.send(error)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception:
            connection.send(RuntimeError(f"playing on Ray failed:\n{traceback.format_exc()}"))


if __name__ == "__main__":
    main()
