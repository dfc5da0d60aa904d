"""What holds for all tests: Ctrl-C works; a property meets the same examples in every run, in its own time.

Others each time: `--hypothesis-profile exploring`.
"""

import signal

import pytest
from hypothesis import HealthCheck, settings

HOUR_S = 3600


def pytest_configure() -> None:
    # Started in the background by a shell, pytest ignores Ctrl-C, and so would every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("exploring", patient)
    settings.register_profile("repeatable", patient, derandomize=True)
    settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(HOUR_S))
