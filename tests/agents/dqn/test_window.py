"""What a deep Q-network sees is the board around its piece, wherever that stands."""

import numpy as np
import pytest

from arena_agents.dqn.window import visible, windows


def naive_window(board_HWC: np.ndarray, radius: int) -> list[float]:
    height, width, channels = board_HWC.shape
    row, column = divmod(int(board_HWC[..., 0].argmax()), width)
    return [
        board_HWC[y, x, channel] if 0 <= y < height and 0 <= x < width else 0.0
        for y in range(row - radius, row + radius + 1)
        for x in range(column - radius, column + radius + 1)
        for channel in range(channels)
    ]


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, 5, 2), (1, 1, 1)])
@pytest.mark.parametrize("radius", [1, 3, 6])
def test_windows_match_a_naive_loop(shape: tuple[int, int, int], radius: int) -> None:
    boards = visible(np.random.default_rng(7).random((20, *shape)).astype(np.float32))
    assert windows(boards, radius).tolist() == [naive_window(board, radius) for board in boards]
    assert windows(boards[:0], radius).shape == (0, (2 * radius + 1) ** 2 * (shape[0] + 1))


def test_the_window_is_the_same_wherever_the_piece_stands() -> None:
    here, there = np.zeros((2, 1, 2, 7, 7), np.float32)
    here[0, 0, 2, 2] = here[0, 1, 3, 2] = there[0, 0, 4, 3] = there[0, 1, 5, 3] = 1
    assert windows(visible(here), 2).tolist() == windows(visible(there), 2).tolist()
    whole = windows(visible(here), 6).reshape(13, 13, 3)
    assert whole[..., -1].sum() == 49
    assert whole[6, 6, 0] == 1
    assert whole[7, 6, 1] == 1


def test_the_faintest_cell_is_still_seen() -> None:
    seen = visible(np.array([0.0, 1 / 49, 1.0], np.float32).reshape(1, 1, 1, 3))
    assert seen[0, 0, :, 0].tolist() == pytest.approx([0, 0.5 + 0.5 / 7, 1])
