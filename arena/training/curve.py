"""The learning curve of a run as a picture."""

from __future__ import annotations

from arena.training.run import RunFolder


def draw_curve(run: RunFolder) -> None:
    """Write `curve.png`: returns in training and on held-out episodes, and held-out success."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = run.metrics()
    config = run.config()
    figure, (returns, success) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for axis, key, label in (
        (returns, "train/return", "training"),
        (returns, "eval/return", "held-out"),
        (success, "train/success", "training"),
        (success, "eval/success", "held-out"),
    ):
        points = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
        if points:
            held_out = key.startswith("eval")
            axis.plot(*zip(*points, strict=True), marker="o" if held_out else None, ms=4, label=label)
    returns.set_title(f"{config['agent']} on {config['game']}, seed {config['seed']}")
    returns.set_ylabel("mean return")
    success.set_ylabel("success rate")
    success.set_xlabel("step")
    success.set_ylim(-0.02, 1.02)
    for axis in (returns, success):
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(run.path / "curve.png", dpi=120)
    pyplot.close(figure)
