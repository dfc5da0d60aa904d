"""Both pages are for everybody: axe-core finds no violation, and the keyboard alone reaches everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.views.page.page import write_report
from tests.arena.views import axe, chromium, report_runs, training_runs

pytestmark = [
    pytest.mark.skipif(not (chromium.BROWSER and chromium.DRIVER), reason=chromium.MISSING),
    pytest.mark.skipif(not axe.FILE.is_file(), reason=axe.MISSING),
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    runs = {
        "tournament": report_runs.plain_run(folder / "tournament"),
        "training": training_runs.msgrpo_run(folder / "training"),
    }
    for run in runs.values():
        write_report(run)
    return {name: run / "report.html" for name, run in runs.items()}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["tournament", "training"])
def test_axe_finds_no_violation(driver: Any, pages: dict[str, Path], kind: str, dark: bool) -> None:
    for width in (1280, 360):
        chromium.show(driver, pages[kind], width=width, dark=dark)
        driver.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert axe.violations(driver) == []


def test_axe_is_not_blind(driver: Any, pages: dict[str, Path]) -> None:
    chromium.show(driver, pages["training"])
    driver.execute_script("document.querySelector('h2').outerHTML = '<button></button>'")
    assert "button-name" in [rule for rule, *_ in axe.violations(driver)]


@pytest.mark.parametrize("kind", ["tournament", "training"])
def test_tab_alone_reaches_every_control(driver: Any, pages: dict[str, Path], kind: str) -> None:
    chromium.show(driver, pages[kind], width=1280)
    wanted = driver.execute_script(
        "return [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]"
        ".filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled).length"
    )
    reached = driver.execute_script("window.reached = new Set(); return 0")
    for _ in range(wanted):
        driver.switch_to.active_element.send_keys("\ue004")  # Tab
        reached = driver.execute_script(
            "window.reached.add(document.activeElement); return window.reached.size"
        )
    assert reached == wanted
