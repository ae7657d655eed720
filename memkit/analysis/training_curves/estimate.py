"""Estimates mean and spread over runs of the training curves."""

import warnings
from collections.abc import Sequence

import numpy as np

from memkit.analysis.outcomes import PointOutcomes
from memkit.analysis.summary import Results
from memkit.analysis.training_curves.result import Curves, TrainingCurves
from memkit.studies import Study
from memkit.typing import FloatArray

BAND = (0.1, 0.9)  # quantiles


def analyze(_study: Study, outcomes: Sequence[PointOutcomes], _: Results) -> TrainingCurves:
    """Returns the training curves of every point that has runs."""
    return TrainingCurves({o.point.name: curves(o.curve) for o in outcomes if o.curve.size})


def curves(curve: FloatArray) -> Curves:
    """Returns the Curves of runs [R, epochs, 3]; NaN where no run has a finite number."""
    values = np.where(np.isfinite(curve), curve, np.nan).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of epochs without a finite number
        lower, upper = np.nanquantile(values, BAND, axis=0)
        return Curves(np.nanmean(values, axis=0), lower, upper)
