"""The site's generator: links, equations, marks, and what it refuses."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytest.importorskip("latex2mathml")

from docs.generator import check, navigation, pages
from docs.generator.blocks import Block, blocks

ROOT = Path(__file__).parents[2]


def page(tmp_path: Path, text: str, **files: str) -> str:
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / "docs" / "a.md").write_text(text)
    for name, content in {"README.md": "", "agents/README.md": "", "arena/x.py": "", **files}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    places = {"docs/a.md": "a.md", "agents/README.md": "how-to/agent.md"}
    return pages.page(tmp_path, "docs/a.md", places, tmp_path / "out")


def test_links_are_turned_to_where_things_are(tmp_path: Path) -> None:
    assert page(tmp_path, "[a](../agents/README.md#x) [b](https://b.c) [c](#d)") == (
        "[a](how-to/agent.md#x) [b](https://b.c) [c](#d)"
    )
    assert page(tmp_path, "[`x.py`](../arena/x.py)") == "`x.py` (`arena/x.py`)"
    assert page(tmp_path, "`[a](../agents/README.md)`\n\n```\n[a](b)\n```\n").count("how-to") == 0
    with pytest.raises(ValueError, match="not there"):
        page(tmp_path, "[a](../nowhere.md)")


def test_equations_need_no_script(tmp_path: Path) -> None:
    made = page(tmp_path, "with $`x_1`$\n\n```math\n\\frac{a}{b}\n```\n")
    assert made.count("<math") == 2
    assert "<mfrac>" in made
    assert "$" not in made


def test_sections_of_another_page(tmp_path: Path) -> None:
    readme = "## A\n[x](arena/x.py) [y](agents/README.md)\n## B\nno\n"
    made = page(tmp_path, "<!-- from README.md: A -->", **{"README.md": readme})
    assert made.strip() == "## A\nx (`arena/x.py`) [y](how-to/agent.md)"
    with pytest.raises(ValueError, match="'C'"):
        page(tmp_path, "<!-- from README.md: C -->", **{"README.md": readme})


def test_marks_are_for_us_alone(tmp_path: Path) -> None:
    text = "```sh run\narena list\n```\n\n```python file=a.py\nx = 1\n```\n\n```python\ny\n```\n"
    assert list(blocks(text)) == [
        Block("sh", None, "arena list\n", 2), Block("python", "a.py", "x = 1\n", 6)
    ]  # fmt: skip
    assert page(tmp_path, text) == text.replace(" run", "").replace(" file=a.py", "")


def test_what_is_wrong_with_a_site(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="x"></h1><a href="b.html#y"></a><a href="#x"></a><a href="c.html"></a>'
        '<script src="https://cdn.example/x.js"></script><a href="https://example.org">fine</a>'
    )
    (tmp_path / "b.html").write_text("")
    (tmp_path / "s.css").write_text("@import url(https://fonts.example/a.css)")
    found = sorted(check.problems(tmp_path))
    assert found == [
        "a.html links to b.html#y, which has no such anchor",
        "a.html links to c.html, which is not there",
        "a.html loads https://cdn.example/x.js from a network",
        "s.css loads https://fonts.example/a.css from a network",
    ]


def test_every_page_is_in_the_navigation(tmp_path: Path) -> None:
    for name in ("start.md", "new/one.md", "how-to/two.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('# A "new" page\n')
    given = (ROOT / "docs" / "site.toml").read_text()
    config = tomllib.loads(navigation.completed(given, tmp_path))["project"]
    sections = {name: pages for section in config["nav"] for name, pages in section.items()}
    assert sections["Reference"][-1] == {'A "new" page': "new/one.md"}
    assert sections["How to"][-1] == {'A "new" page': "how-to/two.md"}
    assert {key: value for key, value in config.items() if key != "nav"} == {
        key: value for key, value in tomllib.loads(given)["project"].items() if key != "nav"
    }
