"""A run as one self-contained page: `write_report` reads the store and writes the HTML."""

from arena.views.page.page import write_report

__all__ = ["write_report"]
