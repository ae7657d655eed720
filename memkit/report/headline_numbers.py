"""The first lines of a report: what was measured, and a few numbers in large type."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from memkit import subsets
from memkit.analysis import PointSummary
from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.audit.result import LabelAudit
from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted.result import Planted
from memkit.analysis.summary import Axis
from memkit.analysis.trajectories.chart import middle_alpha
from memkit.analysis.trajectories.result import TrajectoryClasses
from memkit.estimators import WithError
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.content import Content
from memkit.typing import Config

MOST = 5
_MODELS = {
    "mlp": "perceptron",
    "resnet": "ResNet",
    "resnet_imagenet": "ResNet",
    "mobilenet_v3": "MobileNet-v3",
    "vit": "ViT",
    "convnext": "ConvNeXt",
}


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in large type.

    Attributes:
      value: the number, such as "0.05".
      margin: half its 95% interval, such as "± 0.01"; "" without one.
      title: what it is.
      note: what it is compared with; "" for nothing.
    """

    value: str
    margin: str
    title: str
    note: str = ""


def measured(content: Content) -> str:
    """Returns a sentence that says what was trained on what."""
    points, config = content.summary.points, content.config
    counts = {point.num_runs for point in points}
    total = sum(point.num_runs for point in points)
    runs = f"{total:,} run{'' if total == 1 else 's'}"
    if len(points) > 1 and len(counts) == 1:
        runs += f" ({counts.pop():,} at each of {_sizes(content)})"
    elif len(points) > 1:
        runs += f" ({_sizes(content)})"
    design = "random subsets"
    if config["subsets"]["design"] == subsets.LEAVE_ONE_OUT:
        design = "all images but one"
    elif "train_fraction" in config["subsets"]:
        design = f"random {config['subsets']['train_fraction']:.0%}"
    of_model = f" of a {model(config, content.summary.axis)}"
    images = f"{len(content.ids):,} images of {len(content.class_names):,} classes"
    text = f"{runs}{of_model}, each trained on {design} of {images}."
    if planted := int(contents.planted(content).sum()):
        text += f" {planted:,} labels {contents.were_planted(content)}."
    return text


def _sizes(content: Content) -> str:
    num_sizes = len({point.axis_value for point in content.summary.points})
    names = contents.series(content)
    if content.summary.axis is None:
        return f"{len(content.summary.points)} points"
    sizes = f"{num_sizes} {contents.noun(content)}{'' if num_sizes == 1 else 's'}"
    if len(names) == 1:
        return sizes
    return f"{sizes}, {' and '.join(map(contents.series_words, names))}"


def model(config: Config, axis: Axis | None) -> str:
    """Returns the model of a config in words, such as "ResNet-8", without what the axis varies."""
    options = config["model"]
    name = _MODELS[options["name"]] if options["name"] in _MODELS else "model"
    is_varied = axis is not None and axis.field == "model.depth"
    return f"{name}-{options['depth']}" if "depth" in options and not is_varied else name


def numbers(content: Content) -> list[Number]:
    """Returns at most `MOST` Numbers; none if no point of the first series has runs."""
    points = next(iter(contents.series(content).values()))
    done = [point for point in points if point.num_runs]
    return list(_numbers(content, done))[:MOST] if done else []


def _numbers(content: Content, done: Sequence[PointSummary]) -> Iterator[Number]:
    first, last = done[0].name, done[-1].name
    distribution = content.results[Distribution].points
    accuracy = content.results[Accuracy].points
    planted = content.results[Planted].points
    has_sizes = len(done) > 1
    at = f" at {contents.place_text(content, done[-1])}" if has_sizes else ""
    start = contents.size_text(content, done[0])

    def before(estimate: WithError) -> str:
        return f"{formatting.number(estimate.value)} at {start}" if has_sizes else ""

    audit = content.results[LabelAudit]
    if not has_sizes and audit.examples is not None:
        count = audit.kinds["mislabeled"]
        share = formatting.percent(count / len(content.ids))
        yield Number(f"{count:,}", "", "labels look wrong", f"{share} of {len(content.ids):,}")
    if planted:
        clean = {name: distribution[name].clean.memorization for name in (first, last)}
        title = f"mean memorization of clean labels{at}"
        yield _number(clean[last], title, before(clean[first]))
        wrong = {name: planted[name].means.memorization for name in (first, last)}
        title = f"mean memorization of flipped labels{at}"
        yield _number(wrong[last], title, before(wrong[first]))
    else:
        means = {name: distribution[name].all_examples.memorization for name in (first, last)}
        yield _number(means[last], f"mean memorization{at}", before(means[first]))
    almost_all = distribution[last].shape.share_above_09
    title = f"of the images have memorization above 0.9{at}"
    yield _number(almost_all, title, text=formatting.percent)
    yield from _changing(content, done[-1].series)
    test = accuracy[last].test
    if formatting.defined(test.value):
        note = f"{formatting.percent(accuracy[first].test.value)} at {start}" if has_sizes else ""
        yield _number(test, f"test accuracy{at}", note, text=formatting.percent)
    yield from _other_series(content, done[-1])
    inside = accuracy[last].train_in
    yield _number(inside, f"accuracy on images trained on{at}", text=formatting.percent)


def _number(
    estimate: WithError,
    title: str,
    note: str = "",
    *,
    text: Callable[..., str] = formatting.number,
) -> Number:
    return _with_margin(text(estimate.value, estimate.margin), title, note)


def _with_margin(text: str, title: str, note: str) -> Number:
    value, _, margin = text.partition(" ± ")
    # An interval that is narrower than the digits shown would look like certainty.
    is_shown = bool(margin.strip("0.%"))
    return Number(value, f"± {margin}" if is_shown else "", title, note)


def _changing(content: Content, series: str) -> Iterator[Number]:
    by_series = content.results[TrajectoryClasses].series
    if series not in by_series:
        return
    alpha = middle_alpha(by_series[series])
    classes = by_series[series][alpha]
    constant = classes.shares["constant"]
    if not formatting.defined(constant):
        return
    note = ""
    if "constant" in classes.null and formatting.defined(classes.null["constant"]):
        note = f"{formatting.percent(1 - classes.null['constant'])} would by chance"
    margin = classes.margin["constant"]
    noun = contents.noun(content)
    yield _with_margin(
        formatting.percent(1 - constant, margin), f"of the trajectories change with {noun}", note
    )


def _other_series(content: Content, last: PointSummary) -> Iterator[Number]:
    distribution = content.results[Distribution].points
    for name, points in contents.series(content).items():
        same = [p for p in points if p.num_runs and p.axis_value == last.axis_value]
        if name != last.series and same:
            mean = distribution[same[-1].name].all_examples.memorization
            place = contents.place_text(content, same[-1])
            yield _number(mean, f"mean memorization at {place}")
