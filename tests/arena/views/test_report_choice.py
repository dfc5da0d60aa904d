"""A tournament's page: agents and games chosen, links to a step, copies, print, and forty agents on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.views.page.page import write_report
from tests.arena.views import chromium, report_runs

pytestmark = pytest.mark.skipif(not (chromium.BROWSER and chromium.DRIVER), reason=chromium.MISSING)

SHOWN_ROWS = """
return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
  .filter((row) => row.checkVisibility()).map((row) => row.querySelector('th').textContent)
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = report_runs.plain_run(tmp_path_factory.mktemp("run"))
    write_report(folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = report_runs.crowded_run(tmp_path_factory.mktemp("crowd"))
    write_report(folder)
    return folder / "report.html"


def shown(driver: Any, where: str) -> set[str]:
    return set(driver.execute_script(SHOWN_ROWS, where))


def test_agents_and_games_are_chosen(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.find_element("id", "agents-wanted").send_keys("FIR, mute")
    assert shown(driver, "#overall") == shown(driver, "#duels") == {"first", "mute"}
    columns = "return [...document.querySelectorAll('#duels details[open] tbody tr')]"
    columns += (
        ".filter((row) => !row.hidden).map((row) => [...row.cells].filter((one) => !one.hidden).length)"
    )
    assert driver.execute_script(columns) == [3, 3], "its name and two others"
    driver.execute_script(
        "const game = document.getElementById('game-wanted'); game.value = 'snake';"
        "game.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    headings = driver.find_elements("css selector", "#games article h3")
    assert [one.text for one in headings if one.is_displayed()] == ["snake"]
    assert driver.find_element("id", "filtered").text.startswith("2 of 4 agents, snake only")
    options = "return [...document.querySelectorAll('#match optgroup')].filter((one) => !one.hidden)"
    assert driver.execute_script(f"{options}.map((one) => one.label)") == ["snake"]
    driver.find_element("id", "agents-wanted").clear()
    assert len(shown(driver, "#overall")) == 4
    assert chromium.complaints(driver) == []


def test_a_link_leads_to_a_match_and_its_step(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.find_element("id", "forward").click()
    link = driver.find_element("id", "link").get_attribute("href")
    status = driver.find_element("id", "status").text
    assert status.startswith("Move 2 of ")
    driver.get("about:blank")
    driver.get(link)
    assert driver.find_element("id", "status").text == status
    assert driver.find_element("id", "link").get_attribute("href") == link
    driver.execute_script("location.hash = location.hash.replace('step=2', 'step=99999')")
    assert driver.execute_script("return document.getElementById('status').textContent").startswith("End.")


@pytest.mark.parametrize("permitted", [True, False], ids=["clipboard", "none"])
def test_what_was_seen_and_said_is_copied(driver: Any, page: Path, permitted: bool) -> None:
    chromium.show(driver, page)
    driver.execute_script(
        "window.written = null;"
        "const permitted = arguments[0];"
        "navigator.clipboard.writeText = async (text) => { if (!permitted) throw 0; written = text; };"
        "document.addEventListener('copy', () => { window.written = String(getSelection()); });",
        permitted,
    )
    for name, source in (("observation", "text"), ("reply", "reply")):
        driver.find_element("css selector", f"[aria-label='Copy the {name}']").click()
        text = driver.execute_script("return document.getElementById(arguments[0]).textContent", source)
        written = driver.execute_script("return window.written")
        assert text
        assert written.strip() == text.strip()


def test_it_prints_in_the_light_and_without_controls(driver: Any, page: Path) -> None:
    chromium.show(driver, page, dark=True)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == (
            "rgb(247, 247, 245)"
        )
        for hidden in ("nav", ".controls", "#filter", ".copy"):
            assert not driver.find_element("css selector", hidden).is_displayed()
        closed = driver.find_element("css selector", "details:not([open]) table")
        assert driver.execute_script("return arguments[0].checkVisibility()", closed), (
            "closed parts print too"
        )
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_forty_agents_stay_readable(driver: Any, crowded: Path, width: int) -> None:
    chromium.show(driver, crowded, width=width)
    assert len(shown(driver, "#overall")) == 40
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    tallest = (
        "return Math.max(...[...document.querySelectorAll('#games article')].map((one) => one.offsetHeight))"
    )
    assert driver.execute_script(tallest) < 1700, "pixels of a game's card"
    small = (
        "return Math.min(...[...document.querySelectorAll('svg text')].filter((one) => one.checkVisibility())"
    )
    small += ".map((one) => one.getBoundingClientRect().height))"
    assert driver.execute_script(small) >= 9
    cell = driver.execute_script("return document.querySelector('#duels td.tint0').offsetWidth")
    assert cell <= 45, "forty columns of a table are not forty screens wide"
