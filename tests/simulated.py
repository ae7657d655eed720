"""A simulated study of digits with known planted labels, analyzed, as the Content of a report."""

import dataclasses
import functools
import json
import tempfile

import numpy as np
from etils import epath
from sklearn.datasets import load_digits

from memkit import analysis, estimators, studies, subsets
from memkit.analysis import PointOutcomes, PointSummary, Results, Summary, Timing
from memkit.analysis.accuracy import estimate as accuracy
from memkit.analysis.agreement.result import Agreement
from memkit.analysis.audit import estimate as audit
from memkit.analysis.convergence.result import Convergence
from memkit.analysis.distillation.result import Distillation
from memkit.analysis.distribution import estimate as distribution
from memkit.analysis.influence.result import Influence
from memkit.analysis.planted import estimate as planted_labels
from memkit.analysis.proxies.result import Proxies
from memkit.analysis.removal.result import Removal
from memkit.analysis.similar_images import estimate as similar_images
from memkit.analysis.size_changes.result import SizeChanges
from memkit.analysis.summary import Axis, Duplicates, Training
from memkit.analysis.training_curves import estimate as training_curves
from memkit.analysis.trajectories import estimate as trajectories
from memkit.report import Content
from memkit.seeds import stream

ANALYZED = (training_curves, accuracy, distribution, trajectories, planted_labels)
NOT_ANALYZED = (
    SizeChanges({}),
    Distillation({}, {}),
    Influence({}, {}),
    Removal({}),
    Proxies(0, {}, {}, {}, {}),
    Agreement(0.25, (), {}),
    audit.nothing(""),
    similar_images.nothing(""),
)
NUM_TEST, EPOCHS = 5, 30
DUPLICATES = Duplicates(train_copies=2, groups_with_different_labels=1, test_in_train=0)


@functools.cache
def build(
    *,
    count=80,
    runs=20,
    sizes=(1, 2, 4, 8, 16),
    planted=0.08,
    series=("one_hot",),
    class_names=tuple("0123456789"),
    unfinished=0,
    also=(),
):
    """Returns the Content of a simulated study of `count` digits.

    The last `unfinished` points have no runs. The results of `ANALYZED` and of the modules `also`
    are computed from the runs; the others are empty. The largest one-hot model is the teacher of
    all series named "distilled...".
    """
    draw, digits = stream(0, "tests/simulated"), load_digits()
    images = (digits.images[..., None] * 255 / 16).astype(np.uint8)
    labels = digits.target[:count]
    given = np.where(np.arange(count) < round(planted * count), (labels + 3) % 10, labels)
    config = {
        "report": {"min_influence": 0.15, "min_memorization": 0.25, "top_k": 3},
        "seed": 0,
        "labels": {"file": ""},
        "series": series,
        "model": {"name": "resnet", "width": 1},
        "subsets": {"design": "balanced", "num_runs": runs, "train_fraction": 0.7},
        "training": {"epochs": EPOCHS},
        "distillation": {"teacher": str(sizes[-1])},
    }
    points = tuple(_point(config, name, size, sizes) for name in series for size in sizes)
    study = studies.Study(
        workdir=None,
        config=config,
        info={},
        points=points,
        examples=studies.Examples(
            train_ids=np.array([f"digits/{i:04d}" for i in range(count)]),
            train_labels=labels,
            given_labels=given,
            test_ids=np.array([f"test_{i}" for i in range(NUM_TEST)]),
            test_labels=digits.target[-NUM_TEST:],
            class_names=np.array(class_names),
        ),
        train_mask=subsets.balanced(given, runs, 0.7, 0),
    )
    hardness = draw.beta(1.2, 4, count)
    done = [runs] * (len(points) - unfinished) + [0] * unfinished
    outcomes = [
        _outcomes(draw, study, point, size, hardness, num_runs)
        for point, size, num_runs in zip(points, sizes * len(series), done, strict=True)
    ]
    return Content(
        title="digits_width",
        config=config,
        summary=_summary(study, outcomes, images, sizes, (*ANALYZED, *also)),
        provenance={
            "memkit": "0.1.0",
            "TensorFlow": "2.21.0",
            "device": "CPU (2 cores)",
            "engine": "tensorflow",
            "created": "2026-01-02",
            "study fingerprint": "simulated",
            "command": "memkit run --config=digits_width --workdir=out/digits_width",
        },
        ids=study.examples.train_ids,
        labels=labels,
        given_labels=given,
        class_names=class_names,
        thumbnails=images[:count],
        test_ids=study.examples.test_ids,
        test_labels=study.examples.test_labels,
        test_thumbnails=images[-NUM_TEST:],
        scores={of_point.point.name: of_point.estimates for of_point in outcomes},
    )


def _point(config, series, size, sizes):
    axis_value = size if len(sizes) > 1 else None
    teacher = f"one_hot-width{sizes[-1]}" if series.startswith("distilled") else ""
    return studies.Point(f"{series}-width{size}", series, axis_value, config, "", teacher)


def _outcomes(draw, study, point, size, hardness, num_runs):
    """Simulates the runs of one point: larger sizes predict better and memorize more."""
    mask, examples = study.train_mask[:num_runs], study.examples
    skill = np.log2(2 * size) / 5
    right = 1 / (1 + np.exp(-9 * (0.25 + 0.75 * skill - hardness)))
    learned = 1 / (1 + np.exp(-9 * (1.3 * skill - 0.55)))
    out = np.where(examples.planted, 0.01, right)
    inside = np.where(examples.planted, learned * 0.99, right + (1 - right) * learned)
    correct = draw.random(mask.shape) < np.where(mask, inside, out)
    wrong = np.where(examples.planted, examples.train_labels, (examples.given_labels + 1) % 10)
    test_correct = draw.random((num_runs, NUM_TEST)) < skill
    return PointOutcomes(
        point=point,
        index=np.arange(num_runs),
        unit=np.arange(num_runs),
        mask=mask,
        correct=correct,
        prob=(0.9 * correct).astype(np.float32),
        logodds=np.where(correct, 2.2, -2.2).astype(np.float16),
        predicted=np.where(correct, examples.given_labels, wrong),
        runs=np.arange(num_runs),
        test_mask=mask,
        test_unit=np.arange(num_runs),
        test_correct=test_correct,
        test_prob=(0.9 * test_correct).astype(np.float32),
        curve=_curves(draw, size, num_runs),
        proxy_index=np.empty(0, int),
        proxies={},
        features=hardness[:, None],
        infos=(),
        left_out={},
    )


def _curves(draw, size, num_runs):
    t = np.arange(EPOCHS) / EPOCHS
    noise = np.exp(0.1 * draw.standard_normal((num_runs, 1)))
    loss = 2.3 * np.exp(-t * np.log2(4 * size)) * noise
    rate = np.broadcast_to(0.1 * (1 + np.cos(np.pi * t)) / 2, loss.shape)
    return np.stack([loss, np.exp(-loss), rate], axis=-1)


def _summary(study, outcomes, images, sizes, modules):
    with tempfile.TemporaryDirectory() as folder:
        study = dataclasses.replace(study, workdir=epath.Path(folder))
        groups = {"train_groups": [], "train_test_pairs": [], "test_in_train": 0}
        (study.workdir / "duplicates.json").write_text(json.dumps(groups))
        pictures = {"train": images[: study.sizes.train], "test": images[-NUM_TEST:]}
        np.savez(study.workdir / "thumbnails.npz", **pictures)
        analyzed = {}
        for module in modules:
            result = module.analyze(study, outcomes, Results(analyzed))
            analyzed[type(result)] = result
    halves = {o.point.name: estimators.split_half(o.correct, o.mask, 0) for o in outcomes}
    results = [*NOT_ANALYZED, Convergence(points={}, split_half=halves), *analyzed.values()]
    return Summary(
        layout=analysis.LAYOUT,
        axis=Axis("model.width", sizes) if len(sizes) > 1 else None,
        points=tuple(
            PointSummary(p.name, p.series, p.axis_value, len(o.index), 0, 0, 0)
            for o, p in zip(outcomes, study.points, strict=True)
        ),
        duplicates=DUPLICATES,
        training=Training(1400.0, ("tensorflow on cpu",), (), 1, {}, {}),
        timing=Timing(wall_seconds=754.0, runs_per_second=0.27),
        stop=None,
        results=Results({type(result): result for result in results}),
    )


def with_summary(content, **changes):
    """Returns a Content with other fields of its Summary."""
    return dataclasses.replace(content, summary=dataclasses.replace(content.summary, **changes))


def with_point(content, index, **changes):
    """Returns a Content with other fields of one PointSummary."""
    points = list(content.summary.points)
    points[index] = dataclasses.replace(points[index], **changes)
    return with_summary(content, points=tuple(points))


def with_results(content, *results):
    """Returns a Content with the results of some questions replaced."""
    kinds = (question.result for question in analysis.QUESTIONS)
    changed = {kind: content.results[kind] for kind in kinds}
    changed |= {type(result): result for result in results}
    return with_summary(content, results=Results(changed))
