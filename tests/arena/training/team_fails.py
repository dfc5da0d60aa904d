"""One process of a team whose first one cannot write: what it tells when it has ended.

Run as a program by a launcher, with a folder and the path of a run that cannot be made there.
"""

import os
import sys
import time
from pathlib import Path

from arena.training.start import train

if __name__ == "__main__":
    began = time.monotonic()
    try:
        train("frozen-lake", "nano", out=Path(sys.argv[2]), steps=1)
    except BaseException as error:
        told = f"{type(error).__name__} {time.monotonic() - began:.1f}"
        (Path(sys.argv[1]) / f"rank-{os.environ['RANK']}").write_text(told)
        raise
