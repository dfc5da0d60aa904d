"""What holds for all tests: Ctrl-C works, and a property may take as long as a busy machine makes it."""

import signal

from hypothesis import settings


def pytest_configure() -> None:
    # Started in the background by a shell, pytest ignores Ctrl-C, and so would every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")
