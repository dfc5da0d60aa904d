"""Starting an agent's process and asking it; what goes wrong is a `LostError`, and the end of the process."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena_agents.base import Observation, Reply
from arena_agents.limits import LARGEST_FRAME, LARGEST_LOG
from arena_agents.sandbox import keeper
from arena_agents.sandbox.budget import Budget, SpentError
from arena_agents.sandbox.settings import Sandbox
from arena_agents.sandbox.wire import Channel, Games, to_question, to_replies

KEPT_FROM_IT = ("ARENA_API_KEY",)
LONGEST_WAIT_S = 10.0  # for the keeper to end what it keeps
LAST_WORDS_S = 2.0  # for it to say how an agent ended that says no more
_SIGNALS = {number.value: number.name for number in signal.Signals}


class LostError(Exception):
    """The process is gone, in words for the agent's author; `overdue` if it had taken too long."""

    def __init__(self, why: str, overdue: bool = False) -> None:
        super().__init__(why)
        self.overdue = overdue


class Process:
    """The two processes of one agent: the keeper, and the agent's own, which it pauses between two questions.

    While it is paused, no thread and no child of the agent takes time from whoever is asked next.
    """

    def __init__(self, spec: str, sandbox: Sandbox, log: Path) -> None:
        """Raises LostError if the agent cannot be made, or not in time."""
        ours, theirs = socket.socketpair()
        path = json.dumps([entry or os.getcwd() for entry in sys.path])
        options = [str(theirs.fileno()), os.fspath(log.absolute()), str(LARGEST_LOG), path]
        command = [sys.executable, "-P", "-u", keeper.__file__, *options]
        with theirs:
            self._keeper = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us
                env={name: value for name, value in os.environ.items() if name not in KEPT_FROM_IT},
            )
        self._channel, self._games = Channel(ours), Games()
        self._agent = int(self._told() or 0)
        hello = self._greeted(spec, sandbox)
        self.name, at_once = f"{hello.get('name')}", hello.get("at_once")
        self.at_once: int | None = at_once if type(at_once) is int and at_once > 0 else None
        self._pause()

    def ask(self, observations: Sequence[Observation], within_s: float, cpu_s: float) -> list[Reply]:
        """One reply per observation, within so many seconds, and so many of processor time.

        Raises LostError, the process being ended, if there are none in time.
        """
        until = time.monotonic() + within_s
        rows, blob = to_question(observations, self._games)
        self._signal(signal.SIGCONT)
        try:
            self._channel.send(rows, blob, until)
            answer, _ = self._channel.receive(until, LARGEST_FRAME, self._budget(cpu_s))
            replies = to_replies(answer, len(observations))
        except TimeoutError:
            self.end()
            raise LostError(f"no reply within {within_s:g} s", overdue=True) from None
        except SpentError:
            self.end()
            raise LostError(f"no reply within {cpu_s:g} s of processor time", overdue=True) from None
        except (EOFError, OSError):
            raise LostError(self._epitaph()) from None
        except (TypeError, ValueError) as error:
            self.end()
            raise LostError(f"its answer cannot be read: {error}") from None
        except BaseException:
            self.end()  # Ctrl-C: half an answer would be taken for the next one
            raise
        self._pause()
        return replies

    def end(self) -> None:
        """Kill the agent and all that it has started, and wait for that."""
        self._channel.close()
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self._keeper.wait(LONGEST_WAIT_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._keeper.kill()
            self._keeper.wait()

    def _greeted(self, spec: str, sandbox: Sandbox) -> dict[str, Any]:
        until, cpu_s = time.monotonic() + sandbox.start_s, sandbox.start_cpu_s
        order = {"spec": spec, "memory_bytes": sandbox.memory_bytes}
        try:
            self._channel.send(order, until=until)
            hello, _ = self._channel.receive(until, LARGEST_FRAME, self._budget(cpu_s))
        except TimeoutError:
            self.end()
            late = f"cannot make agent {spec!r} within {sandbox.start_s:g} s"
            raise LostError(late, overdue=True) from None
        except SpentError:
            self.end()
            late = f"cannot make agent {spec!r} within {cpu_s:g} s of processor time"
            raise LostError(late, overdue=True) from None
        except (EOFError, OSError):
            raise LostError(f"cannot make agent {spec!r}: {self._epitaph()}") from None
        except BaseException:
            self.end()
            raise
        if not isinstance(hello, dict) or "error" in hello:
            self.end()
            why = hello["error"] if isinstance(hello, dict) else "its process cannot be understood"
            raise LostError(f"{why}")
        return hello

    def _epitaph(self) -> str:
        """What became of the agent, once it has closed its end."""
        assert self._keeper.stdout is not None
        ready, _, _ = select.select([self._keeper.stdout], [], [], LAST_WORDS_S)
        status = self._told() if ready else None
        self.end()
        if status is None:
            return "it has closed the connection" if not ready else "its process is gone"
        code = os.waitstatus_to_exitcode(int(status))
        if code < 0:
            return f"its process was ended by {_SIGNALS.get(-code, f'signal {-code}')}"
        return f"its process ended by itself, with exit status {code}"

    def _told(self) -> str | None:
        """The keeper's next line; None if it has no more to say."""
        assert self._keeper.stdout is not None
        return self._keeper.stdout.readline().decode().strip() or None

    def _budget(self, cpu_s: float) -> Budget:
        """The keeper takes next to none, and all that the agent starts stays below it."""
        return Budget(self._keeper.pid, cpu_s)

    def _pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        if self._agent > 1:
            with suppress(OSError):
                os.killpg(self._agent, number)
