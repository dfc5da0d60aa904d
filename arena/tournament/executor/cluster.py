"""A Ray cluster: found or started, asked whether it is still there, let go. No wait here is without end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from arena.machine.children import import_path
from arena_games.base import UsageError

LOCAL = "local"
CLIENT, CLIENTS_PORT = "ray://", 10001  # the address of a Ray client's server, and its default port
ANSWER_S = 5.0  # for a connection to the cluster's head
CHECK_S = 5.0  # between two looks whether it is there
GONE_S = 20.0  # without it before it is given up; at 60 Ray ends the whole process
TRIES = "RAY_gcs_server_port_wait_time_s"  # Ray's own number of attempts, of half a minute each, else 20


class Cluster:
    """The cluster at `address` (`HOST:PORT`, `auto`, `ray://HOST:PORT`), or one of this machine for `local`.

    Raises UsageError where Ray is not installed or nobody is there.
    """

    def __init__(self, address: str) -> None:
        try:
            self.ray: Any = import_module("ray")
        except ImportError as error:
            raise UsageError("--ray needs the package ray; pip install 'tmsg-arena[ray]'") from error
        self._address = address
        try:
            if place := _place(address):
                _connection(place)
            self._connect()
        except (OSError, ValueError, RuntimeError) as error:
            why = str(error).partition("\n")[0]
            raise UsageError(
                f"there is no Ray cluster at {address} ({why}); start one with ray start --head"
            ) from error
        head = address if address.startswith(CLIENT) else self.ray.get_runtime_context().gcs_address
        self._head = _place(head)
        self._looked = time.monotonic()

    def room(self, kind: str) -> int:
        """How many cores (`CPU`) or `GPU`s its machines have, taken or not."""
        return int(self.ray.cluster_resources().get(kind, 0))

    def check(self, *, now: bool = False) -> None:
        """Raise UsageError if it has gone; looked at every few seconds, or `now`.

        A head that is being started anew is waited for, but not as long as Ray would: it ends the process.
        """
        if not now and time.monotonic() - self._looked < CHECK_S:
            return
        until = time.monotonic() + GONE_S
        while why := self._missing():
            if time.monotonic() > until:
                raise UsageError(
                    f"the Ray cluster at {self._address} is gone ({why}); what was played is stored: "
                    "repeat the command to go on, once it is there again, or without --ray"
                )
            time.sleep(0.5)
        self._looked = time.monotonic()

    def close(self) -> None:
        """Let it go, and end the one that was started for this."""
        self.ray.shutdown()

    def _missing(self) -> str:
        """What of it does not answer; nothing if all is well."""
        try:
            if self._head:
                _connection(self._head)
        except OSError as error:
            return f"its head: {error}"
        alive = any(node["Alive"] for node in self.ray.nodes())
        return "" if alive else "none of its machines is left"

    def _connect(self) -> None:
        environment = {"env_vars": {"PYTHONPATH": import_path()}}
        # Ray would take another cluster that it finds for one of this machine, unless told to start it.
        own = {"include_dashboard": False} if self._address == LOCAL else {}
        with _few_tries(self._address):
            self.ray.init(
                address=self._address,
                runtime_env=environment,
                log_to_driver=False,
                logging_level="error",
                **own,
            )


def _place(address: str) -> tuple[str, int] | None:
    """The host and port that an address names; None if it is for Ray to find out."""
    name = address.removeprefix(CLIENT)
    if address.startswith(CLIENT) and ":" not in name:
        name = f"{name}:{CLIENTS_PORT}"
    host, _, port = name.rpartition(":")
    if not host or not port.isdigit() or "/" in name:
        return None
    return host.strip("[]"), int(port)


def _connection(place: tuple[str, int]) -> None:
    """Raises OSError if nobody listens there."""
    socket.create_connection(place, timeout=ANSWER_S).close()


@contextmanager
def _few_tries(address: str) -> Iterator[None]:
    """Ray waits ten minutes for whoever does not answer: have it try once, but where it starts one itself."""
    before = os.environ.get(TRIES)
    if address != LOCAL:
        os.environ.setdefault(TRIES, "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(TRIES, None)
