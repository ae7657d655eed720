"""Scores of runs that were trained elsewhere: their predictions as arrays, from any framework."""

import dataclasses
import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit import analysis, estimators, proxies, studies
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.outcomes import MAX_PROXY_RUNS, PointOutcomes
from memkit.errors import expected
from memkit.scores.point_scores import Scores, of_content
from memkit.studies import Examples, Point, Study
from memkit.studies.points import DISTILLED, ONE_HOT
from memkit.typing import Array, BoolArray, FloatArray, IntArray, Json, TextArray

with epy.lazy_imports():  # Charts are slow to import.
    import scipy.special

    from memkit.report import gather

Size: TypeAlias = int | float | str

_NO_AXIS: Json = {"field": "", "values": []}
_REPORT: Json = {"min_influence": 0.15, "min_memorization": 0.25, "top_k": 10}
_GRAY = np.full((8, 8, 1), 128, np.uint8)  # the picture of an image that is not given
_LEAST_PROB = 1e-7  # nearer to 0 and 1, log-odds would not be finite


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OwnRuns:
    """Predictions of M runs, for N train images and T test images.

    Attributes:
      predicted: [M, N] int, predicted class of every train image, whether the run trained on it or
        not.
      prob: [M, N] float in [0, 1], probability of the given label.
      test_predicted: [M, T] int, predicted class of every test image; None without test images.
      test_prob: [M, T] float in [0, 1], probability of the label of a test image.
      curve: [M, epochs, 3] float, training loss, training accuracy and learning rate per epoch;
        None if they are not known.
    """

    predicted: IntArray
    prob: FloatArray
    test_predicted: IntArray | None = None
    test_prob: FloatArray | None = None
    curve: FloatArray | None = None


def of_arrays(
    runs: OwnRuns | Mapping[Size, OwnRuns],
    train_mask: BoolArray,
    labels: npt.ArrayLike,
    *,
    axis: str = "size",
    test_labels: npt.ArrayLike = (),
    true_labels: npt.ArrayLike | None = None,
    distilled: Mapping[Size, OwnRuns] | None = None,
    ids: npt.ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    images: Array | None = None,
    seed: int = 0,
) -> Scores:
    """Returns the scores of runs that were trained elsewhere, in any framework.

    The scores are those of the last model of `runs`. All charts can be drawn from arrays, see
    `Scores.charts`, except for that of `memkit removal`.

    Args:
      runs: the predictions of M runs of one model, or {size: predictions} of models of several
        sizes, in ascending order.
      train_mask: [M, N] bool, True where run m trained on image i; the same for every size.
      labels: [N] int, the labels that the runs were trained on, 0 to C - 1.
      axis: what the sizes are, such as "width".
      test_labels: [T] int.
      true_labels: [N] int, the labels before some were changed on purpose; None if none was.
      distilled: {size: predictions} of students of these sizes, which learned from other models.
      ids: [N] text; by default the numbers of the rows.
      class_names: C names; by default the numbers of the classes.
      images: [N, H, W, 1 or 3] uint8; by default the pictures are gray.
      seed: int >= 0, for the random numbers of the analysis.

    Raises:
      InputError: arrays do not fit together.

    Examples:
      >>> rng = np.random.default_rng(0)
      >>> labels = rng.integers(0, 3, 50)
      >>> train_mask = rng.random((20, 50)) < 0.7
      >>> is_right = rng.random((20, 50)) < np.where(train_mask, 1, 0.6)
      >>> runs = OwnRuns(predicted=np.where(is_right, labels, 3), prob=0.9 * is_right)
      >>> scores = of_arrays(runs, train_mask, labels, class_names=("a", "b", "c", "d"))
      >>> scores.table()["in_mean_correct"][0].as_py()
      1.0
      >>> "memorization_histograms" in scores.charts
      True
    """
    series: dict[str, Mapping[Any, OwnRuns]] = {
        ONE_HOT: runs if isinstance(runs, Mapping) else {None: runs}
    }
    if distilled:
        series[DISTILLED] = distilled
    if distilled and not set(distilled) <= set(series[ONE_HOT]):
        sizes_of = ", ".join(map(str, series[ONE_HOT]))
        raise expected("distilled", f"sizes among {sizes_of}", ", ".join(map(str, distilled)))
    given, tests = _whole("labels", labels), _whole("test_labels", test_labels)
    true = given if true_labels is None else _whole("true_labels", true_labels)
    predicted = [
        _whole("predicted", own.predicted)
        for by_size in series.values()
        for own in by_size.values()
    ]
    examples = Examples(
        train_ids=np.arange(len(given)).astype(str) if ids is None else np.asarray(ids, str),
        train_labels=true,
        given_labels=given,
        test_ids=np.arange(len(tests)).astype(str),
        test_labels=tests,
        class_names=_class_names(class_names, [given, true, tests, *predicted]),
    )
    sizes = {name: tuple(by_size) for name, by_size in series.items()}
    study = _study(train_mask, examples, axis=axis, sizes=sizes, seed=seed)
    pictures, features = _pictures(study, images)
    outcomes = [
        _outcomes(study, point, series[point.series][point.axis_value], features)
        for point in study.points
    ]
    estimates = {of_point.point.name: of_point.estimates for of_point in outcomes}
    summary = analysis.summarize(study, outcomes)
    thumbnails = (pictures, np.full((len(tests), *_GRAY.shape), _GRAY))
    content = gather.of_summary(study, summary, estimates, thumbnails)
    audit = summary.results[LabelAudit]
    return of_content(study, audit.point, content, audit)


def _whole(name: str, values: npt.ArrayLike) -> IntArray:
    numbers = np.asarray(values)
    if numbers.size and (numbers.dtype.kind not in "iu" or numbers.min() < 0):
        raise expected(name, "whole numbers of at least 0", f"{numbers.dtype} values")
    return numbers.astype(int)


def _class_names(names: Sequence[str] | None, labels: Sequence[IntArray]) -> TextArray:
    """Returns the names of the classes [C]: their numbers if None."""
    highest = max(int(array.max()) for array in labels if array.size)
    if names is not None and len(names) <= highest:
        raise expected("class_names", f"{highest + 1} names or more", len(names))
    return np.asarray(range(highest + 1) if names is None else names, str)


def _study(
    train_mask: BoolArray,
    examples: Examples,
    *,
    axis: str,
    sizes: Mapping[str, Sequence[Size | None]],
    seed: int,
) -> Study:
    """Returns a Study without a folder.

    Args:
      train_mask: [M, N] bool, True where run m trained on image i; the same for every size.
      examples: ids and labels.
      axis: name of the quantity in which the models differ, such as "width".
      sizes: {series: its values}; None as the only value if there is one model.
      seed: int >= 0, for the random numbers of the analysis.

    Raises:
      InputError: the train mask does not fit the examples.
    """
    if np.ndim(train_mask) != 2 or train_mask.dtype != bool:
        received = f"{train_mask.dtype} of shape {np.shape(train_mask)}"
        raise expected("train_mask", "a bool array [runs, images]", received)
    for name in ("train_ids", "train_labels", "given_labels"):
        _check_shape(name, getattr(examples, name), train_mask.shape[1:])
    has_axis = None not in sizes[ONE_HOT]
    config: Json = {
        "seed": seed,
        "dataset": {"name": "arrays"},
        "subsets": {
            "design": "own",
            "num_runs": len(train_mask),
            "train_fraction": float(train_mask.mean()),
        },
        "training": {"epochs": 0},
        "distillation": {"teacher": "same"},
        "record": {"history_runs": 0, "all_probs": False, "ntk": False, "features_runs": 0},
        "series": list(sizes),
        "axis": {"field": axis, "values": list(sizes[ONE_HOT])} if has_axis else _NO_AXIS,
        "labels": {"file": ""},
        "report": {"title": "Own runs", **_REPORT},
    }
    names = {size: f"_{axis}{size}" if has_axis else "" for size in sizes[ONE_HOT]}
    points = tuple(
        Point(f"{name}{names[size]}", name, size, config, "", _teacher(name, names[size]))
        for name, values in sizes.items()
        for size in values
    )
    info = {
        "versions": {"memkit": importlib.metadata.version("memkit")},
        "created": "from arrays",
        "command": "",
        "fingerprint": "",
        "data_fingerprint": "",
    }
    return Study(None, config, info, points, examples, train_mask)


def _teacher(series: str, suffix: str) -> str:
    """Returns the name of the point that stands for the teacher of a student."""
    return "" if series == ONE_HOT else f"{ONE_HOT}{suffix}"


def _outcomes(study: Study, point: Point, runs: OwnRuns, features: FloatArray) -> PointOutcomes:
    """Returns the PointOutcomes of runs.

    Args:
      study: what `_study` returned.
      point: a Point of it.
      runs: the runs of this point.
      features: [N, L] float, as `image_features` returns them; [N, 0] without images.

    Raises:
      InputError: an array has another shape than the train mask and the labels require.
    """
    mask, examples = study.train_mask, study.examples
    index, sizes = np.arange(len(mask)), (len(mask), len(examples.test_ids))
    test_predicted = np.zeros(sizes, int) if runs.test_predicted is None else runs.test_predicted
    test_prob = np.zeros(sizes) if runs.test_prob is None else runs.test_prob
    for name, array, shape in (
        ("predicted", runs.predicted, mask.shape),
        ("prob", runs.prob, mask.shape),
        ("test_predicted", test_predicted, sizes),
        ("test_prob", test_prob, sizes),
    ):
        _check_shape(name, array, shape)
    logodds = _logodds(runs.prob)
    recorded: dict[str, Array] = {"train_logodds": logodds[:MAX_PROXY_RUNS]}
    return PointOutcomes(
        point=point,
        index=index,
        unit=index,
        mask=mask,
        correct=runs.predicted == examples.given_labels,
        prob=np.asarray(runs.prob, np.float32),
        logodds=logodds,
        predicted=runs.predicted,
        runs=index,
        test_mask=mask,
        test_unit=index,
        test_correct=test_predicted == examples.test_labels,
        test_prob=np.asarray(test_prob, np.float32),
        curve=np.empty((0, 0, 3), np.float32) if runs.curve is None else runs.curve,
        proxy_index=index[:MAX_PROXY_RUNS],
        proxies={
            name: proxies.in_sample(name, recorded, mask[:MAX_PROXY_RUNS])
            for name in proxies.available(recorded)
        },
        features=features,
        infos=(),
        left_out={},
    )


def _pictures(study: Study, images: Array | None) -> tuple[Array, FloatArray]:
    """Returns thumbnails [N, h, w, C], and the features [N, L] of images for the pooled score."""
    num_train = study.sizes.train
    if images is None:
        return np.full((num_train, *_GRAY.shape), _GRAY), np.empty((num_train, 0))
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) != num_train:
        expectation = f"uint8 images of shape [{num_train}, height, width, 1 or 3]"
        raise expected("images", expectation, f"{images.dtype} of shape {images.shape}")
    shrunk = studies.shrunk(images)
    labels, num_classes = study.examples.given_labels, study.sizes.classes
    return shrunk, estimators.left_out_margins(shrunk, labels, num_classes)[:, None]


def _check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise expected(name, f"an array of shape {shape}", f"shape {np.shape(array)}")


def _logodds(prob: FloatArray) -> FloatArray:
    inside = np.clip(np.asarray(prob, np.float64), _LEAST_PROB, 1 - _LEAST_PROB)
    return scipy.special.logit(inside).astype(np.float16)
