"""Per-example scores as tables, one parquet and one CSV file per point."""

from collections.abc import Sequence

import numpy as np

from memkit import big_arrays, estimators, studies
from memkit.analysis.outcomes import PointOutcomes
from memkit.studies import Study, exports
from memkit.typing import Array, Json


def analyze(study: Study, outcomes: Sequence[PointOutcomes]) -> Json:
    """Writes the table of every point that has runs; returns {"columns", "rows", "points"}."""
    names: list[str] = []
    written: list[str] = []
    for of_point in outcomes:
        if not len(of_point.index):
            continue
        columns = _columns(study, of_point)
        exports.write_table(study, of_point.point, columns)
        names = list(columns)
        written.append(of_point.point.name)
    return {"columns": names, "rows": study.sizes.train, "points": written}


def _columns(study: Study, outcomes: PointOutcomes) -> dict[str, Array]:
    examples, mask = study.examples, big_arrays.take(study.train_mask, outcomes.index)
    class_names = np.asarray(examples.class_names).astype(str)
    columns = {
        "row": np.arange(study.sizes.train),
        "id": examples.train_ids,
        "label": examples.train_labels,
        "given_label": examples.given_labels,
        "class_name": class_names[examples.given_labels],
        "planted": examples.planted,
        "num_in": mask.sum(axis=0),
        "num_out": (~mask).sum(axis=0),
    }
    for outcome in studies.OUTCOMES:
        values = getattr(outcomes, outcome)
        memorized = estimators.memorization(values, mask)
        consistent = estimators.consistency(values, mask)
        columns |= {
            f"memorization_{outcome}": memorized.value,
            f"memorization_{outcome}_stderr": memorized.stderr,
            f"memorization_{outcome}_lower": memorized.lower,
            f"memorization_{outcome}_upper": memorized.upper,
            f"in_mean_{outcome}": memorized.in_mean,
            f"out_mean_{outcome}": memorized.out_mean,
            f"consistency_{outcome}": consistent.value,
            f"consistency_{outcome}_lower": consistent.lower,
            f"consistency_{outcome}_upper": consistent.upper,
        }
    return columns
