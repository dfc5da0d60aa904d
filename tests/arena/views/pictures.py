"""The README's pictures of a report: `python -m tests.arena.views.pictures PAGE FOLDER`."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.arena.views.chromium import chromium, show

WIDTH = 1200
MARGIN = 24  # CSS pixels around what is pictured
BOX = """
const boxes = arguments[0].map((found) => document.querySelector(found).getBoundingClientRect());
const top = Math.min(...boxes.map((box) => box.top)) + scrollY;
return [top, Math.max(...boxes.map((box) => box.bottom)) + scrollY - top];
"""
MIDDLE_OF_THE_MATCH = "slider.value = slider.max / 2; slider.dispatchEvent(new Event('input'))"


def take(driver: Any, selectors: list[str], file: Path) -> None:
    """A picture as wide as the page, from the first to the last of what is selected."""
    top, height = driver.execute_script(BOX, selectors)
    clip = {"x": 0, "y": max(0, top - MARGIN), "width": WIDTH, "height": height + 2 * MARGIN, "scale": 1}
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    file.write_bytes(base64.b64decode(shot["data"]))


def main(page: Path, folder: Path) -> None:
    """Picture the head of the page in the light scheme and a replay in the dark one."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        show(driver, page, width=WIDTH)
        take(driver, ["header", "#overall"], folder / "report.png")
        show(driver, page, width=WIDTH, dark=True)
        driver.execute_script(MIDDLE_OF_THE_MATCH)
        take(driver, ["#replays"], folder / "replay.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
