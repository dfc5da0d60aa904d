"""An episode as HTML for a notebook: what was seen, said, played and paid, all of it as plain text."""

from __future__ import annotations

from html import escape

from arena.match.episode import Episode, Step
from arena.untrusted import escaped_name, escaped_text
from arena_games.base import points

LONGEST = 4000  # characters of a text that are shown


def render_html(episode: Episode) -> str:
    """A heading and a row for each decision; what was seen and said unfolds."""
    who = ", ".join(
        f"{_line(player)} {points(episode.returns[seat])}" for seat, player in enumerate(episode.players)
    )
    heads = "".join(f"<th>{head}</th>" for head in ("step", "seat", "action", "reward", "seen and said"))
    rows = "".join(_row(at, step) for at, step in enumerate(episode.steps))
    return (
        f"<div><b>{_line(episode.game)}</b>, seed {episode.seed}, {episode.end}: {who}"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(at: int, step: Step) -> str:
    names, action = step.observation.action_names, step.action
    listed = names[action] if isinstance(action, int) and action < len(names) else str(action)
    played = step.name or listed
    said = f"<pre>{_text(step.observation.text)}</pre><pre>{_text(step.reply.text)}</pre>"
    why = "" if step.invalid is None else f" (invalid: {_line(step.invalid)})"
    folded = f"<details><summary>{_line(step.reply.text[:60])}</summary>{said}</details>"
    cells = (str(at), str(step.seat), _line(played) + why, points(step.reward), folded)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _line(text: str) -> str:
    return escape(escaped_name(text))


def _text(text: str) -> str:
    return escape(escaped_text(text[:LONGEST]) + ("…" if len(text) > LONGEST else ""))
