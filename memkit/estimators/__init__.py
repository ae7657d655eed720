"""Estimators: functions of outcomes and train masks, [M, N] each, with NumPy and SciPy only.

The functions `memorization`, `consistency` and `pooled` hide the modules of the same names. Import
other names of these modules with `from memkit.estimators.memorization import ...`.
"""

from memkit.estimators.consistency import Mean, consistency
from memkit.estimators.correlation import pearson, spearman
from memkit.estimators.detection import auroc
from memkit.estimators.left_out import left_out_margins
from memkit.estimators.margins import WithError, margin, mean_over_runs, over_replicates
from memkit.estimators.memorization import Estimate, memorization, memorization_difference
from memkit.estimators.pooled import pooled
from memkit.estimators.reliability import (
    DatasetMeans,
    jackknife_mean,
    replicate_consistency,
    replicate_memorization,
    run_weights,
    share_above,
    standard_error,
)
from memkit.estimators.split_halves import SplitHalf, split_half

__all__ = [
    "DatasetMeans",
    "Estimate",
    "Mean",
    "SplitHalf",
    "WithError",
    "auroc",
    "consistency",
    "jackknife_mean",
    "left_out_margins",
    "margin",
    "mean_over_runs",
    "memorization",
    "memorization_difference",
    "over_replicates",
    "pearson",
    "pooled",
    "replicate_consistency",
    "replicate_memorization",
    "run_weights",
    "share_above",
    "spearman",
    "split_half",
    "standard_error",
]
