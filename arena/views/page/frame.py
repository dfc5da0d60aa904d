"""What every page is made in: the templates, and a policy that lets nothing in or out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from arena.untrusted import escaped_name, escaped_text
from arena.views.numbers import around, dollars, fixed, level, percent, span, speed, thousands
from arena.views.page.plots import NARROW, WIDE

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Cpath fill='%231f5fbf' d='M1 5h1.6v2H1zM3.2 1h1.6v6H3.2zM5.4 3H7v4H5.4z'/%3E%3C/svg%3E"
)


def filled(template: str, scripts: Sequence[str], **values: Any) -> str:
    """The page of a template that extends `frame.html.jinja`, with these of the package's scripts.

    Text among the values is escaped; what is Markup is not.
    """
    style, codes = _part("page.css"), [_part(name) for name in scripts]
    return (
        _environment()
        .get_template(template)
        .render(
            policy=policy(style, codes),
            style=style,
            scripts=codes,
            icon=ICON,
            program=f"tmsg-arena {version('tmsg-arena')}",
            **values,
        )
    )


def policy(style: str, scripts: Iterable[str]) -> str:
    """A Content-Security-Policy that allows this style, these scripts, and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def present(*sections: tuple[str, str, object]) -> list[tuple[str, str]]:
    """The ids and headings of the sections that there is something for."""
    return [(id_, name) for id_, name, there in sections if there]


def in_both_widths(plot: Callable[[str, int], str]) -> dict[str, Markup]:
    """A figure for large screens and one for small ones; `plot` takes a name and a width."""
    return {name: Markup(plot(name, width)) for name, width in (("wide", WIDE), ("narrow", NARROW))}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> Markup:
    """A file of this package, as it is."""
    return Markup(files("arena.views.page").joinpath(name).read_text(encoding="utf-8"))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("arena.views.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "any": any,
        "escaped_name": escaped_name,
        "around": around,
        "fixed": fixed,
        "span": span,
        "level": level,
        "percent": percent,
        "thousands": thousands,
        "dollars": dollars,
        "speed": speed,
    }
    return environment


def _escaped(value: Any) -> Any:
    """What every expression of the template passes through; autoescaping follows."""
    return escaped_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
