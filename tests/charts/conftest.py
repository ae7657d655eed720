"""Small summaries for the chart tests."""

import pytest


def _numbers(value, *keys):
    return dict.fromkeys(keys, value) | {f"{k}_margin": 0.01 for k in keys}


def _part(value):
    return {
        "count": 5,
        **_numbers(value, "mean_memorization", "mean_in", "mean_out", "auroc", "auroc_out_prob"),
    }


def build(sizes=(1, 2, 4, 8, 16), series=("one_hot",), planted=True):
    """Returns the points of a summary whose every number is 0.5."""
    return [
        {
            "name": f"{s}-{size}",
            "series": s,
            "axis_value": size,
            "num_runs": 4,
            "clean": _part(0.5),
            "planted": _part(0.5) if planted else None,
            **_numbers(
                0.5,
                "mean_memorization",
                "mean_in",
                "mean_out",
                "train_in_accuracy",
                "train_out_accuracy",
                "test_accuracy",
            ),
        }
        for s in series
        for size in sizes
    ]


@pytest.fixture(scope="session")
def make_points():
    """Returns the builder of a summary's points."""
    return build
