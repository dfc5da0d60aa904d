"""The site's search works on a page that is opened from disk, where a browser starts no worker."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs.generator import finish
from tests.arena.views.chromium import BROWSER, DRIVER, MISSING, chromium

pytest.importorskip("zensical")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason=MISSING)

ROOT = Path(__file__).parents[2]
CONFIG = """
[project]
site_name = "s"
use_directory_urls = false
extra_javascript = ["worker.js"]
[project.theme]
font = false
"""
FOUND = """
    const texts = (root) => [...root.querySelectorAll("*")].flatMap(
        (one) => one.shadowRoot ? [one.shadowRoot.textContent, ...texts(one.shadowRoot)] : []);
    return texts(document).join(" ");
"""


def test_the_search_works_from_disk(tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text("# One\nNothing here.\n")
    (pages / "other.md").write_text("# Other\nA hippopotamus is here.\n")
    shutil.copyfile(ROOT / "docs" / "worker.js", pages / "worker.js")
    (tmp_path / "zensical.toml").write_text(CONFIG)
    build = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    finish.main(tmp_path / "site")
    with chromium(tmp_path / "profile") as driver:
        driver.get((tmp_path / "site" / "index.html").as_uri())
        driver.find_element("tag name", "body").send_keys(Keys.CONTROL + "k")
        time.sleep(1)
        driver.switch_to.active_element.send_keys("hippopotamus")
        shown, until = "", time.monotonic() + 60
        while "Other" not in shown and time.monotonic() < until:
            time.sleep(0.5)
            shown = driver.execute_script(FOUND)
        assert "1 result" in shown
        assert not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
