"""Scores of a study as one object for notebooks and scripts, without an engine.

`load` reads a finished study, `of_study` takes a Study, and `of_arrays` takes the predictions of
runs that were trained in any other way.
"""

from memkit.scores.loading import load, of_study
from memkit.scores.own_runs import OwnRuns, of_arrays
from memkit.scores.point_scores import Scores

__all__ = ["OwnRuns", "Scores", "load", "of_arrays", "of_study"]
