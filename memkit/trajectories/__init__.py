"""Trajectories: the memorization of each example along the study's axis, classified by shape."""

from memkit.trajectories.classes import (
    CLASSES,
    LEVEL,
    Trajectories,
    classify,
    shares,
    shares_among_nonconstant,
    stack,
)
from memkit.trajectories.errors import share_errors, share_margins
from memkit.trajectories.null import ChangeTest, change_test

__all__ = [
    "CLASSES",
    "LEVEL",
    "ChangeTest",
    "Trajectories",
    "classify",
    "change_test",
    "share_errors",
    "share_margins",
    "shares",
    "shares_among_nonconstant",
    "stack",
]
