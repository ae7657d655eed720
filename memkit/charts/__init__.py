"""Charts: one theme and one file per figure family.

Every family has two halves: `table(...)` aggregates arrays or summary numbers in NumPy to a few
row dicts, `chart(rows, ...)` turns the rows into an `alt.Chart`. Neither imports TensorFlow.
"""

from memkit.charts.images import FORMATS, USUAL, images

__all__ = ["FORMATS", "USUAL", "images"]
