"""What all charts share: theme, styles, line and dot plots, and rendering to files.

A chart consists of two functions: `table(...)` aggregates arrays or summary numbers with NumPy
into a few row dicts, and `chart(rows, ...)` turns the rows into an Altair chart.
"""

from memkit.charts.fitting import fitted
from memkit.charts.images import FORMATS, USUAL, images
from memkit.charts.widths import WIDTHS, Width

__all__ = ["FORMATS", "USUAL", "WIDTHS", "Width", "fitted", "images"]
