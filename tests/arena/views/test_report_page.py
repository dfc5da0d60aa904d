"""The report in a browser: it opens alone, sorts, plays, and obeys nothing that an agent said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.untrusted import escaped_name
from arena.views.page.page import write_report
from tests.arena.views import chromium, report_runs

pytestmark = pytest.mark.skipif(not (chromium.BROWSER and chromium.DRIVER), reason=chromium.MISSING)
KEYS = {
    "enter": "\ue007",
    "right": "\ue014",
    "left": "\ue012",
    "end": "\ue010",
    "home": "\ue011",
    "tab": "\ue004",
}

SMALLEST_LETTERS = """
return [...document.querySelectorAll(".narrow text, p, th, td, pre")]
  .filter((element) => element.checkVisibility())
  .map((element) => parseFloat(getComputedStyle(element).fontSize))
  .reduce((a, b) => Math.min(a, b));
"""

CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}
const luminance = ([r, g, b]) => [r, g, b]
  .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function ground(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0.99) return colour;
  }
}
const worst = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  if (element.closest("script, style, option, .unseen, #board")) continue;
  const style = getComputedStyle(element);
  const ink = rgba(element.closest("svg") ? style.fill : style.color);
  const [high, low] = [luminance(ink), luminance(ground(element))].sort((a, b) => b - a);
  worst.push([(high + 0.05) / (low + 0.05), element.textContent.slice(0, 40)]);
}
return worst.sort((a, b) => a[0] - b[0]).slice(0, 3);
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium.chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = report_runs.plain_run(tmp_path_factory.mktemp("run"))
    write_report(folder, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = report_runs.hostile_run(tmp_path_factory.mktemp("hostile"))
    write_report(folder, folder / "report.html")
    return folder / "report.html"


def press(driver: Any, *keys: str) -> None:
    """Keys to whatever has the focus."""
    for key in keys:
        driver.switch_to.active_element.send_keys(KEYS.get(key, key))


def column(driver: Any, table: str, number: int) -> list[str]:
    return driver.execute_script(  # type: ignore[no-any-return]
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
        ".map((row) => row.cells[arguments[1]].textContent.trim())",
        table,
        number,
    )


def heading(driver: Any, number: int) -> Any:
    return driver.find_elements("css selector", "#overall thead button")[number]


def status(driver: Any) -> str:
    return driver.find_element("id", "status").text  # type: ignore[no-any-return]


def test_it_opens_without_a_complaint_and_asks_for_nothing(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    assert driver.find_element("tag name", "h1").text == page.parent.name
    assert len(driver.find_elements("css selector", "#overall tbody tr")) == 4
    driver.find_element("css selector", "#play").click()
    outside = [
        url for url in chromium.requests(driver) if url not in (page.absolute().as_uri(), "about:blank")
    ]
    assert [url for url in outside if not url.startswith("data:")] == []
    assert chromium.complaints(driver) == []


def test_its_policy_refuses_what_did_not_come_with_it(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.injected = 1';"
        "document.body.append(script);"
        "const image = document.createElement('img'); image.src = 'http://127.0.0.1:9/x.png';"
        "document.body.append(image);"
    )
    assert driver.execute_script("return window.injected") is None
    assert sum("Content Security Policy" in line for line in chromium.complaints(driver)) == 2


def test_a_click_sorts_and_a_second_one_turns_the_order(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    ratings = column(driver, "#overall", 2)
    assert ratings == sorted(ratings, key=int, reverse=True)
    heading(driver, 2).click()
    assert column(driver, "#overall", 2) == sorted(ratings, key=int, reverse=True)
    heading(driver, 2).click()
    assert column(driver, "#overall", 2) == sorted(ratings, key=int)
    sorts = [
        cell.get_attribute("aria-sort") for cell in driver.find_elements("css selector", "#overall thead th")
    ]
    assert sorts[2] == "ascending"
    assert sorts.count(None) == len(sorts) - 1
    heading(driver, 1).click()
    assert column(driver, "#overall", 1) == ["first", "mute", "random", "seeded"]


def test_the_keyboard_alone_sorts(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    for _ in range(40):
        press(driver, "tab")
        if driver.switch_to.active_element.text.startswith("agent"):
            break
    outline = driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    press(driver, "enter")
    assert column(driver, "#overall", 1) == ["first", "mute", "random", "seeded"]
    press(driver, " ")
    assert column(driver, "#overall", 1) == ["seeded", "random", "mute", "first"]


def test_the_unknown_comes_last_in_either_order(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.execute_script(
        "const cell = document.querySelector('#overall tbody tr').cells[2];"
        "cell.dataset.value = ''; cell.textContent = '–'"
    )
    for _ in range(2):
        heading(driver, 2).click()
        assert column(driver, "#overall", 2)[-1] == "–"


def test_keys_step_through_a_match_and_its_last_frame_tells_the_end(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.find_element("id", "slider").click()
    press(driver, "home")
    moves = int(status(driver).rpartition(" ")[2])
    assert status(driver) == f"Move 1 of {moves}"
    assert driver.find_element("id", "back").get_property("disabled")
    boards = set()
    for move in range(1, moves):
        boards.add(driver.find_element("id", "board").get_attribute("innerHTML"))
        press(driver, "right")
        assert status(driver) == f"Move {move + 1} of {moves}"
    press(driver, "right")
    assert status(driver).startswith("End. Over")
    assert len(boards) > 3
    press(driver, "left")
    assert status(driver) == f"Move {moves} of {moves}"
    press(driver, "home", "end")
    assert status(driver).startswith("End. Over")


def test_it_plays_to_the_last_frame_by_itself(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    driver.execute_script(
        "speed.value = '8'; match.selectedIndex = 0; match.dispatchEvent(new Event('change'))"
    )
    last = int(driver.find_element("id", "slider").get_property("max"))
    play = driver.find_element("id", "play")
    play.click()
    assert play.get_attribute("aria-label") == "Pause"
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(driver, 15).until(lambda _: status(driver).startswith("End."))
    assert driver.find_element("id", "player").get_attribute("data-position") == str(last)
    assert play.get_attribute("aria-label") == "Play"
    assert chromium.complaints(driver) == []


def test_what_is_shown_of_a_match_is_what_was_stored(driver: Any, page: Path) -> None:
    from arena.record.store import Store

    chromium.show(driver, page)
    number = driver.execute_script("return JSON.parse(data.textContent).matches[0].number")
    driver.execute_script("location.hash = '#match=' + arguments[0]", number)
    with Store.read(page.parent) as store:
        episode = store.episode(number)
    assert episode is not None
    press_at = driver.find_element("id", "forward")
    for step in episode.steps:
        assert driver.execute_script("return text.textContent") == step.observation.text
        assert driver.execute_script("return reply.textContent") == step.reply.text
        press_at.click()
    returns = driver.execute_script("return [...seats.rows].map((row) => row.cells[2].textContent)")
    assert [float(text.replace("−", "-")) for text in returns] == list(episode.returns)


def test_hostile_text_is_shown_and_never_obeyed(driver: Any, hostile_page: Path) -> None:
    chromium.show(driver, hostile_page)
    assert set(column(driver, "#overall", 1)) == {escaped_name(name) for name in report_runs.HOSTILE_NAMES}
    elements = "return document.querySelectorAll('script, img, iframe, object, link').length"
    assert driver.execute_script(elements) == 5  # its icon, its data and its own three scripts
    said = driver.execute_script(
        """
        const said = new Set();
        for (const option of match.options) {
          match.value = option.value;
          match.dispatchEvent(new Event("change"));
          document.getElementById("first").click();
          for (let i = 0; i <= Number(slider.max); i++) {
            said.add(reply.textContent);
            document.getElementById("forward").click();
          }
        }
        return [...said].map((text) => text.slice(0, 200));
        """
    )
    for expected in (
        "\\x1b[31mred\\x1b[0m",
        "<script>alert(1)</script><action>up</action>",
        "null\\x00byte",
        "lone \\ud800 surrogate \\udfff and a pair \\ud83d\\ude00",
        "line\\r\nbreaks\\u2028and\\u2029more",
        "x" * 200,
    ):
        assert expected in said
    assert driver.execute_script("return window.hacked") is None
    assert driver.execute_script(elements) == 5
    assert chromium.complaints(driver) == []


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_both_schemes(driver: Any, page: Path, hostile_page: Path, dark: bool) -> None:
    for shown_page in (page, hostile_page):
        chromium.show(driver, shown_page, width=360, dark=dark)
        driver.execute_script(
            "document.querySelectorAll('details').forEach((found) => { found.open = true; })"
        )
        assert driver.execute_script("return document.documentElement.scrollWidth") == 360
        smallest = driver.execute_script(SMALLEST_LETTERS)
        assert smallest >= 11, "pixels"


@pytest.mark.parametrize("dark", [False, True])
def test_every_letter_has_contrast(driver: Any, page: Path, dark: bool) -> None:
    chromium.show(driver, page, dark=dark)
    driver.execute_script("document.querySelectorAll('details').forEach((found) => { found.open = true; })")
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    channels = json.loads(background.replace("rgb(", "[").replace(")", "]"))
    assert (sum(channels) < 3 * 64) == dark
    worst = driver.execute_script(CONTRASTS)
    assert worst[0][0] >= 4.5, worst


def test_figures_buttons_and_regions_have_names(driver: Any, page: Path) -> None:
    chromium.show(driver, page)
    nameless = driver.execute_script(
        "return [...document.querySelectorAll('svg[role=img], button, select, input, [role=region]')]"
        ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))"
        ".map((e) => e.outerHTML.slice(0, 100))"
    )
    assert nameless == []
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
