"""Numbers with errors that tests choose."""

import math

from memkit.estimators import WithError
from memkit.estimators.margins import NORMAL_QUANTILE

UNDEFINED = WithError(math.nan, math.nan, math.nan)


def number(value=0.5, margin=0.01):
    """Returns a number whose 95% interval reaches `margin` to both sides."""
    return WithError(value, margin / NORMAL_QUANTILE, math.inf)
