"""axe-core, a checker of accessibility, run on the page that a browser shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[3] / "build" / "axe-core" / "package" / "axe.min.js"
MISSING = "no axe-core here; make axe fetches it from npm"
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  ({ violations }) => done(violations.map(
    ({ id, impact, nodes }) => [id, impact, nodes.slice(0, 3).map(({ html }) => html)]
  )),
  (error) => done([["axe failed", String(error), []]]),
);
"""


def violations(driver: Any) -> list[Any]:
    """What axe finds amiss with the page as it is: the rule, how grave, and the first elements."""
    driver.execute_script(FILE.read_text(encoding="utf-8"))
    driver.set_script_timeout(60)
    return driver.execute_async_script(RUN)  # type: ignore[no-any-return]
