"""Which tokens can complete a stop string, in vocabularies of every spelling.

A vocabulary spells a token as text, as the characters that stand for its bytes (byte-level BPE, after GPT-2),
or as a byte's number (`<0x0A>`). A character of several bytes may be spread over several tokens, so what
completes the stop string is what holds its last byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache


def closing_ids(vocabulary: Mapping[str, int], stop: str) -> frozenset[int]:
    """The tokens that may hold the stop string's last byte; nearly always few, so that few are decoded."""
    last_byte = stop.encode()[-1]
    spelled = {stop[-1], byte_characters()[last_byte], *("▁" if stop[-1] == " " else "")}
    number = f"<0x{last_byte:02X}>"
    return frozenset(
        index for token, index in vocabulary.items() if token == number or not spelled.isdisjoint(token)
    )


@cache
def byte_characters() -> tuple[str, ...]:
    """The character that stands for each byte: itself where it can be seen, else one from 256 on."""
    visible = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return tuple(chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in range(256))
