"""Per-example scores as tables, one parquet and one CSV file per point."""

from collections.abc import Mapping, Sequence

import numpy as np

from memkit import estimators, studies
from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.similar_images import estimate as similar_images
from memkit.analysis.similar_images.result import SimilarImages
from memkit.estimators import Estimate
from memkit.studies import Examples, Study, exports
from memkit.typing import Array


def write(study: Study, outcomes: Sequence[PointOutcomes]) -> None:
    """Writes the table of every point that has runs."""
    for of_point in outcomes:
        if len(of_point.index):
            exports.write_table(study, of_point.point.name, _columns(study, of_point))


def write_near_duplicates(study: Study, similar: SimilarImages) -> None:
    """Writes the table of near-duplicates, if the images of the study were compared."""
    if similar.examples is not None:
        columns = similar_images.columns(study, similar.examples)
        exports.write_table(study, "near_duplicates", columns)


def _columns(study: Study, outcomes: PointOutcomes) -> dict[str, Array]:
    mask = outcomes.mask
    columns = of_examples(study.examples)
    columns |= {"num_in": mask.sum(axis=0), "num_out": (~mask).sum(axis=0)}
    columns |= of_estimates(outcomes.estimates)
    for outcome in studies.OUTCOMES:
        consistent = estimators.consistency(getattr(outcomes, outcome), mask)
        columns |= {
            f"consistency_{outcome}": consistent.value,
            f"consistency_{outcome}_lower": consistent.lower,
            f"consistency_{outcome}_upper": consistent.upper,
        }
    return columns


def of_examples(examples: Examples) -> dict[str, Array]:
    """Returns the columns {name: array [N]} that describe the train examples."""
    class_names = np.asarray(examples.class_names).astype(str)
    return {
        "row": np.arange(len(examples.train_ids)),
        "id": examples.train_ids,
        "label": examples.train_labels,
        "given_label": examples.given_labels,
        "class_name": class_names[examples.given_labels],
        "planted": examples.planted,
    }


def of_estimates(estimates: Mapping[str, Estimate]) -> dict[str, Array]:
    """Returns the columns {name: array [N]} of scores, of {score: Estimate}."""
    columns: dict[str, Array] = {}
    for score, memorized in estimates.items():
        columns |= {
            f"memorization_{score}": memorized.value,
            f"memorization_{score}_stderr": memorized.stderr,
            f"memorization_{score}_lower": memorized.lower,
            f"memorization_{score}_upper": memorized.upper,
            f"in_mean_{score}": memorized.in_mean,
            f"out_mean_{score}": memorized.out_mean,
        }
    return columns
