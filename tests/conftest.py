"""Started in the background by a shell, pytest ignores Ctrl-C, and so would every program it starts."""

import signal


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
