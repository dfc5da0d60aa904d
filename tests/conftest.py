"""What holds for all tests: Ctrl-C works, and a property may take as long as a busy machine makes it."""

import signal

import pytest
from hypothesis import settings

HOUR_S = 3600


def pytest_configure() -> None:
    # Started in the background by a shell, pytest ignores Ctrl-C, and so would every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(HOUR_S))
