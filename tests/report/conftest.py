"""A synthetic study for the report's tests: digits, simulated runs, known planted labels."""

import types

import numpy as np
import pytest
from sklearn.datasets import load_digits

from memkit.report import Content
from memkit.seeds import stream
from memkit.trajectories import CLASSES, classify

Z = 1.96


def estimate(outcome, mask):
    """Returns a stand-in for memkit.estimators.Estimate."""
    num_in, num_out = mask.sum(0), (~mask).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        in_mean = np.where(mask, outcome, 0).sum(0) / num_in
        out_mean = np.where(~mask, outcome, 0).sum(0) / num_out
        stderr = np.sqrt(in_mean * (1 - in_mean) / num_in + out_mean * (1 - out_mean) / num_out)
    value = in_mean - out_mean
    return types.SimpleNamespace(
        value=value,
        in_mean=in_mean,
        out_mean=out_mean,
        stderr=stderr,
        lower=np.clip(value - Z * stderr - 0.05, -1, 1),
        upper=np.clip(value + Z * stderr + 0.05, -1, 1),
        num_in=num_in,
        num_out=num_out,
    )


def _auroc(score, positive):
    a, b = score[positive], score[~positive]
    if not a.size or not b.size:
        return None
    return float(((a[:, None] > b) + 0.5 * (a[:, None] == b)).mean())


def _with_errors(numbers, margin=0.008):
    return numbers | {f"{k}_margin": margin for k in numbers}


def _means(score, member):
    return _with_errors(
        {
            "mean_memorization": float(score.value[member].mean()),
            "mean_in": float(score.in_mean[member].mean()),
            "mean_out": float(score.out_mean[member].mean()),
        }
    )


def _point(name, series, size, score, flipped, runs):
    value = score.value
    planted = (
        {
            "count": int(flipped.sum()),
            **_means(score, flipped),
            **_with_errors(
                {
                    "auroc": _auroc(value, flipped),
                    "auroc_out_prob": _auroc(-score.out_mean, flipped),
                },
                0.006,
            ),
        }
        if flipped.any()
        else None
    )
    return {
        "name": name,
        "series": series,
        "axis_value": size,
        "num_runs": runs,
        "diverged": 0,
        "blocked": 0,
        "collapsed": 0,
        "outlying_runs": [],
        "clean": {"count": int((~flipped).sum()), **_means(score, ~flipped)},
        "planted": planted,
        **_means(score, np.ones(len(value), bool)),
        **_with_errors(
            {
                "train_in_accuracy": float(score.in_mean.mean()),
                "train_out_accuracy": float(score.out_mean.mean()),
                "test_accuracy": float(score.out_mean[~flipped].mean()),
                "mean_memorization_prob": 0.9 * float(value.mean()),
                "share_above_0.25": float((value > 0.25).mean()),
                "share_below_0.1": float((value < 0.1).mean()),
                "share_above_0.9": float((value > 0.9).mean()),
            }
        ),
    }


def _simulate(draw, size, mask, flipped, hardness):
    skill = np.log2(2 * size) / 5
    right = 1 / (1 + np.exp(-9 * (0.25 + 0.75 * skill - hardness)))
    learned = 1 / (1 + np.exp(-9 * (1.3 * skill - 0.55)))
    out = np.where(flipped, 0.01, right)
    inside = np.where(flipped, learned * 0.99, right + (1 - right) * learned)
    return draw.random(mask.shape) < np.where(mask, inside, out)


def _curves(draw, size, runs, epochs=30):
    t = np.arange(epochs) / epochs
    loss = 2.3 * np.exp(-t * np.log2(4 * size)) * np.exp(0.1 * draw.standard_normal((runs, 1)))
    rate = np.broadcast_to(0.1 * (1 + np.cos(np.pi * t)) / 2, loss.shape)
    return np.stack([loss, np.exp(-loss), rate], axis=-1)


def _shares(codes):
    defined = codes[codes < len(CLASSES) - 1]
    return {name: float((defined == k).mean()) for k, name in enumerate(CLASSES[:-1])}


def _trajectory(points, sizes, scores):
    arrays = {
        k: np.stack([getattr(scores[p]["correct"], k) for p in points], axis=1)
        for k in ("value", "in_mean", "out_mean")
    }
    classes = {a: classify(arrays["value"], a) for a in (0.1, 0.2, 0.3)}
    return {
        "points": np.array(points),
        "values": np.array(sizes),
        **arrays,
        "p": np.full(len(arrays["value"]), 0.01),
        "classes": classes,
    }


def build(
    *,
    count=80,
    runs=12,
    sizes=(1, 2, 4, 8, 16),
    planted=0.08,
    series=("one_hot",),
    class_names=tuple("0123456789"),
):
    """Returns the Content of a simulated study of `count` digits."""
    draw = stream(0, "tests/report")
    digits = load_digits()
    labels = digits.target[:count]
    flipped = np.arange(count) < round(planted * count)
    given = np.where(flipped, (labels + 3) % 10, labels)
    hardness, mask = draw.beta(1.2, 4, count), draw.random((runs, count)) < 0.7
    mask[:2], mask[2:4] = True, False
    points, scores, curves, predicted, trajectories = [], {}, {}, {}, {}
    for name in series:
        names = tuple(f"{name}-width{size}" for size in sizes)
        for size, point in zip(sizes, names, strict=True):
            outcome = _simulate(draw, size, mask, flipped, hardness)
            scores[point] = {
                "correct": estimate(outcome, mask),
                "prob": estimate(0.9 * outcome, mask),
            }
            curves[point] = _curves(draw, size, runs)
            predicted[point] = labels.copy()
            points.append(
                _point(
                    point,
                    name,
                    size if len(sizes) > 1 else None,
                    scores[point]["correct"],
                    flipped,
                    runs,
                )
            )
        if len(sizes) > 1:
            trajectories[name] = _trajectory(names, sizes, scores)
    by_class = {
        s: {str(a): _shares(c) for a, c in t["classes"].items()} for s, t in trajectories.items()
    }
    errors = {s: {a: dict.fromkeys(v, 0.01) for a, v in t.items()} for s, t in by_class.items()}
    null = {
        s: {a: {k: 0.95 if k == "constant" else 0.01 for k in v} for a, v in t.items()}
        for s, t in by_class.items()
    }
    among = {
        s: {
            a: {k: v / max(1e-9, 1 - by["constant"]) for k, v in by.items() if k != "constant"}
            for a, by in t.items()
        }
        for s, t in by_class.items()
    }
    axis = {"field": "model.width", "values": list(sizes)} if len(sizes) > 1 else None
    return Content(
        title="digits_width",
        config={
            "report": {"min_influence": 0.15, "min_memorization": 0.25, "top_k": 3},
            "seed": 0,
            "model": {"name": "resnet", "width": 1},
            "subsets": {"num_runs": runs, "train_fraction": 0.7},
        },
        summary={
            "axis": axis,
            "points": points,
            "stop": None,
            "trajectory_classes": by_class,
            "trajectory_classes_margin": errors,
            "trajectory_classes_null": null,
            "trajectory_classes_nonconstant": among,
            "duplicates": {
                "train_copies": 2,
                "groups_with_different_labels": 1,
                "test_in_train": 0,
            },
            "split_half": {p["name"]: {"spearman": 0.8, "spearman_brown": 0.89} for p in points},
            "wall_seconds": 754.0,
            "train_seconds": 1400.0,
            **dict.fromkeys(
                ("size_changes", "distillation", "influence", "removal", "convergence"), {}
            ),
            "audit": {},
            "proxies": {"points": {}},
            "agreement": {"threshold": 0.25, "pairs": []},
            "runs_per_second": 0.27,
        },
        provenance={
            "memkit": "0.1.0",
            "TensorFlow": "2.21.0",
            "device": "CPU (2 cores)",
            "engine": "tensorflow",
            "created": "2026-01-02",
            "command": "memkit run --config=digits_width --workdir=out/digits_width",
        },
        ids=np.array([f"digits/{i:04d}" for i in range(count)]),
        labels=labels,
        given_labels=given,
        class_names=class_names,
        thumbnails=(digits.images[:count, :, :, None] * 255 / 16).astype(np.uint8),
        test_ids=np.array([f"test_{i}" for i in range(5)]),
        test_labels=digits.target[-5:],
        test_thumbnails=(digits.images[-5:, :, :, None] * 255 / 16).astype(np.uint8),
        curves=curves,
        scores=scores,
        out_predicted=predicted,
        trajectories=trajectories,
        arrays={},
        point_arrays={},
    )


@pytest.fixture(scope="session")
def make_content():
    """Returns the builder of synthetic studies."""
    return build


@pytest.fixture(scope="session")
def content():
    """Returns the default synthetic study."""
    return build()
