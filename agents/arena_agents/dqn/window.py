"""What a deep Q-network sees: the board around the seat's own piece, ready for its first layer.

Two steps, as the first is done once for each position and the second each time that it is learned from:
`visible` takes a fraction of the room that `windows` take.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def visible(grids_BCHW: Floats) -> Floats:
    """Boards (B, H, W, C+1) from planes in [0, 1]; every occupied cell counts for at least one half.

    A Snake cell that falls free next move is 1/49 in the planes: too faint to be learned from, and
    the one that kills. The added plane is 1 all over, to tell the board from what is beyond its edge.
    """
    batch, channels, height, width = grids_BCHW.shape
    boards_BHWC = np.ones((batch, height, width, channels + 1), np.float32)
    present = np.maximum(grids_BCHW, 0)
    boards_BHWC[..., :-1] = (0.5 * (np.sign(present) + np.sqrt(present))).transpose(0, 2, 3, 1)
    return boards_BHWC


def windows(boards_BHWC: Floats, radius: int | None) -> Floats:
    """The window around the largest cell of plane 0, flattened: (B, (2r+1)·(2r+1)·(C+1)).

    Plane 0 marks the seat's own piece in our games, so that what was learned in one corner holds
    in all. Beyond the board's edge all planes are 0. A radius of at least the board's side less
    one keeps the whole board in view, wherever the piece stands; None shows the board as it lies.
    """
    batch, height, width, channels = boards_BHWC.shape
    if radius is None:
        return boards_BHWC.reshape(batch, height * width * channels)
    reach = max(radius, height - 1, width - 1)  # a canvas that holds the whole board in any case
    side = 2 * reach + 1
    canvas = np.zeros((batch, side, side * channels), np.float32)
    rows_B, columns_B = np.divmod(boards_BHWC[..., 0].reshape(batch, height * width).argmax(1), width)
    places = sliding_window_view(canvas, (height, width * channels), axis=(1, 2), writeable=True)
    places[np.arange(batch), reach - rows_B, (reach - columns_B) * channels] = boards_BHWC.reshape(
        batch, height, width * channels
    )
    seen = slice(reach - radius, reach + radius + 1)
    around = canvas.reshape(batch, side, side, channels)[:, seen, seen]
    return around.reshape(batch, (2 * radius + 1) ** 2 * channels)
