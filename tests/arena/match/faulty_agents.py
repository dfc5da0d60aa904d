"""Agents that would end, stall or bend a run in the referee's process. One class a fault.

Each but the `Whole` ones fails at every decision; those play as `Seeded` does, whatever else they do.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from arena_agents import Agent, Observation, Reply, Usage
from arena_games.base import GameSpec


def legal(observation: Observation) -> str:
    action = int(observation.rng().choice(observation.legal))
    return f"<action>{observation.action_names[action]}</action>"


class Whole(Agent):
    """Plays any legal action, and does something on the side."""

    def choose(self, observation: Observation) -> str:
        self.aside(observation)
        return legal(observation)

    def aside(self, observation: Observation) -> None: ...


# What it returns


class CostInt(Agent):
    """A cost that no column of a file can hold."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply(legal(o), usage=Usage(1, 1, cost=2**70)) for o in observations]


class Finish(Agent):
    """A word that is no text."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply(legal(o), usage=Usage(1, 1, finish="\ud800")) for o in observations]


class Says(str):
    """A string whose methods are the agent's code."""

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        raise RuntimeError("gotcha")


class StrSub(Agent):
    """Such a string for a text."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply(Says(legal(o))) for o in observations]


class ErrSub(Agent):
    """Such a string for an error."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Reply("", error=Says("bad")) for o in observations]


class Treacherous(Reply):
    """Raises when the referee looks at it."""

    def __getattribute__(self, name: str) -> Any:
        if name == "error" and sys._getframe(1).f_code.co_name == "commit":
            raise RuntimeError("boo")
        return Reply.__getattribute__(self, name)


class ReplySub(Agent):
    """A subclass of Reply."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return [Treacherous(legal(o)) for o in observations]


class Lying(list[Reply]):
    """Claims to be as long as is wanted."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Reply]:
        return iter(())


class ListSub(Agent):
    """A subclass of list."""

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        return Lying(len(observations))


class Surrogate(Agent):
    """A text that no encoding has."""

    def choose(self, observation: Observation) -> str:
        return f"\ud800{legal(observation)}"


class Huge(Agent):
    """A text that is longer than anybody reads."""

    def choose(self, observation: Observation) -> str:
        return "x" * 5_000_000


# How it ends


class OsExit(Agent):
    """Ends its process as if all were well."""

    def choose(self, observation: Observation) -> str:
        os._exit(0)


class Segfault(Agent):
    """Reads where nothing is."""

    def choose(self, observation: Observation) -> str:
        return f"{ctypes.string_at(0)!r}"


class Interrupts(Agent):
    """Raises what Ctrl-C raises."""

    def choose(self, observation: Observation) -> str:
        raise KeyboardInterrupt


class TermParent(Agent):
    """Asks its parent, its group and itself to end."""

    def choose(self, observation: Observation) -> str:
        os.kill(os.getppid(), signal.SIGTERM)
        os.killpg(0, signal.SIGTERM)
        time.sleep(3600)
        return ""


class KillParent(Agent):
    """Kills its parent, and waits for what becomes of it."""

    def choose(self, observation: Observation) -> str:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)
        return ""


class Closes(Agent):
    """Closes every descriptor there is."""

    def choose(self, observation: Observation) -> str:
        os.closerange(0, 1000)
        return legal(observation)


class Eats(Agent):
    """Takes all the memory it can get."""

    def choose(self, observation: Observation) -> str:
        eaten = []
        while True:
            eaten.append(bytearray(100_000_000))


# How long it takes


class Power(Agent):
    """Holds the interpreter's lock in a power."""

    def choose(self, observation: Observation) -> str:
        return f"{len(str(7 ** (7**8) % 10))}" if 7 ** (7**9) else ""


class Regex(Agent):
    """Holds the interpreter's lock in a regular expression."""

    def choose(self, observation: Observation) -> str:
        return f"{re.match(r'(a+)+$', 'a' * 40 + 'b')}"


class Ignores(Agent):
    """Sleeps, and does not let itself be ended."""

    def choose(self, observation: Observation) -> str:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(3600)
        return ""


class Remote(Agent):
    """Sleeps; to ask whether it is remote fails."""

    @property
    def remote(self) -> bool:  # type: ignore[override]
        raise RuntimeError("no")

    def choose(self, observation: Observation) -> str:
        time.sleep(3600)
        return ""


# What it does besides


class Threads(Whole):
    """Leaves threads behind that nobody waits for, or everybody."""

    def aside(self, observation: Observation) -> None:
        threading.Thread(target=time.sleep, args=(3600,), daemon=False).start()


class Fork(Whole):
    """Leaves a process behind that has all that it had."""

    def aside(self, observation: Observation) -> None:
        if observation.turn == 0 and os.fork() == 0:
            time.sleep(3600)


class Returns(Whole):
    """Forks, and both processes answer."""

    def aside(self, observation: Observation) -> None:
        if observation.turn == 0:
            os.fork()


class Daemons(Whole):
    """Leaves a process behind that has cut all ties: another session, another parent."""

    def aside(self, observation: Observation) -> None:
        if observation.turn == 0:
            code = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(3600)"
            subprocess.run([sys.executable, "-c", code, "left by a faulty agent"], check=True)


class Chdir(Whole):
    """Goes elsewhere."""

    def aside(self, observation: Observation) -> None:
        os.chdir("/")


class Prints(Whole):
    """Says more on stdout than is worth keeping, and reads stdin."""

    def aside(self, observation: Observation) -> None:
        print("chatter " * 100_000)
        assert sys.stdin.read() == ""


class Walks(Whole):
    """Looks for the referee, and for what the other seat is about to do."""

    def aside(self, observation: Observation) -> None:
        names = {type(found).__name__ for found in gc.get_objects()}
        seen = names & {"Referee", "Match", "Caller", "Step"}
        others = [found for found in gc.get_objects() if isinstance(found, Observation)]
        if seen or any(other.seat != observation.seat for other in others):
            raise AssertionError(f"it can be reached: {seen}")


class Bends(Whole):
    """Changes what it was given."""

    def aside(self, observation: Observation) -> None:
        object.__setattr__(observation, "seat", 1 - observation.seat)
        if isinstance(observation.spec, GameSpec):
            object.__setattr__(observation.spec, "parse", lambda text, seen: 0)
        if observation.grid is not None:
            observation.grid[:] = 7


# How it is made


class InitExit(Whole):
    """Ends the program, if it is let."""

    def __init__(self) -> None:
        sys.exit(0)


class InitOsExit(Whole):
    """Ends its process."""

    def __init__(self) -> None:
        os._exit(0)


class InitHangs(Whole):
    """Is never done."""

    def __init__(self) -> None:
        time.sleep(3600)


class InitRaises(Whole):
    """Raises what nobody expects."""

    def __init__(self) -> None:
        raise KeyboardInterrupt("here")


class AtOnceStr(Whole):
    at_once = "many"  # type: ignore[assignment]


class AtOnceTiny(Whole):
    at_once = 1e-300  # type: ignore[assignment]


class AtOnceNeg(Whole):
    at_once = -1


class AtOnceNan(Whole):
    at_once = float("nan")  # type: ignore[assignment]
