"""How many runs it takes until pooled intervals are narrow.

The 95% interval of a rate near one half from k answers extends by z / 2 / sqrt(k) to each side.
Pooled intervals are narrower, as if the other examples gave each example some further answers. Most
runs that trained on an example answer it rightly, so the runs that held it out decide: (1 - r) M of
M runs that train on a fraction r each. The widest intervals, those of examples that are answered
rightly about every second time, therefore extend by about

  half width = z / 2 / sqrt((1 - r) M + worth)

where the worth of the other examples depends on the data and the model, and much less on M. It is
measured with any number of runs, or taken from a reference.
"""

import dataclasses
import math

from memkit.errors import expected
from memkit.estimators.margins import NORMAL_QUANTILE

SHARE = 0.95  # of the examples whose intervals must be narrow enough
_WIDEST = NORMAL_QUANTILE**2 / 4  # squared half width of a rate of one half, times its answers
# The reference: perceptrons on digits with 8% flipped labels (`python -m benchmarks.half_widths`).
_WORTH, _EXAMPLES, _FRACTION = 19.0, 600, 0.7
_SMALLEST, _LARGEST = 200, 1400  # numbers of examples that were measured
_GROWTH = 0.2  # power of the number of examples
_MOST_TIMES = 3  # the largest worth that was measured anywhere, in worths of the reference


@dataclasses.dataclass(frozen=True)
class Needed:
    """Numbers of runs at which 95% of the pooled intervals are as narrow as wanted.

    Attributes:
      least: if the examples are easier than they seem.
      likely: by the equation of this module.
      most: if rates are near one half also in the runs that trained on an example.
    """

    least: int
    likely: int
    most: int


def needed(wanted: float, half_width: float, *, num_runs: int, train_fraction: float) -> Needed:
    """Returns the numbers of runs for a half width that follow from the present one.

    Args:
      wanted: half width, > 0.
      half_width: that 95% of the pooled intervals do not exceed at present, finite and > 0.
      num_runs: the present number of runs.
      train_fraction: share of the examples that each run trains on, in (0, 1).

    Returns:
      `Needed`; num_runs three times if the half width is as wanted. `least` assumes that half
      widths shrink as 1 / sqrt(runs), without help from other examples.

    Raises:
      InputError: a half width is not above 0.

    Examples:
      >>> needed(0.1, 0.2, num_runs=40, train_fraction=0.7)
      Needed(least=160, likely=281, most=383)
    """
    answers, present = _answers(wanted), _answers(half_width)
    if present >= answers:
        return Needed(num_runs, num_runs, num_runs)
    missing, held_out = answers - present, 1 - train_fraction
    likely = num_runs + missing / held_out
    least = min(num_runs * answers / present, likely)
    most = num_runs + missing / (held_out * train_fraction)
    return Needed(*map(_whole, (least, likely, most)))


def needed_before(wanted: float, num_examples: int, *, train_fraction: float) -> Needed:
    """Returns the numbers of runs for a half width by the reference, before anything is trained.

    Args:
      wanted: half width, > 0.
      num_examples: size of the data set. Beyond 200 to 1,400, which were measured, it counts as the
        nearer of the two.
      train_fraction: share of the examples that each run trains on, in (0, 1).

    Returns:
      `Needed`. `least` is that of the easiest study that was measured, `most` assumes that other
      examples do not help at all.

    Raises:
      InputError: the half width is not above 0.

    Examples:
      >>> needed_before(0.1, 600, train_fraction=0.7)
      Needed(least=131, likely=257, most=458)
    """
    answers, held_out = _answers(wanted), 1 - train_fraction
    known = worth_before(num_examples, train_fraction=train_fraction)
    least, likely = (max(answers - k * known, 0) / held_out for k in (_MOST_TIMES, 1))
    most = answers / (held_out * train_fraction)
    return Needed(*map(_whole, (least, likely, most)))


def worth_before(num_examples: int, *, train_fraction: float) -> float:
    """Returns the `worth` of the other examples by the reference; see `needed_before`."""
    size = min(max(num_examples, _SMALLEST), _LARGEST) / _EXAMPLES
    return _WORTH * size**_GROWTH * math.sqrt((1 - train_fraction) / (1 - _FRACTION))


def half_width(num_runs: int, *, train_fraction: float, worth: float) -> float:
    """Returns the half width that 95% of the pooled intervals do not exceed, at most 1.

    Args:
      num_runs: runs of the point, at least 1.
      train_fraction: share of the examples that each run trains on, in (0, 1).
      worth: see `worth`.

    Examples:
      >>> round(half_width(257, train_fraction=0.7, worth=19), 3)
      0.1
    """
    answers = (1 - train_fraction) * num_runs + worth
    return min(1.0, math.sqrt(_WIDEST / answers)) if answers > 0 else 1.0


def worth(half_width: float, *, num_runs: int, train_fraction: float) -> float:
    """Returns how many answers without training on an example the other examples are worth.

    Below 0 where intervals are wider than that of one rate near one half. For the arguments and
    errors see `needed`.
    """
    return _answers(half_width) - (1 - train_fraction) * num_runs


def _answers(half_width: float) -> float:
    """Returns with how many answers the interval of a rate near one half has a half width."""
    if not half_width > 0:
        raise expected("half_width", "a half width above 0", half_width)
    return _WIDEST / half_width**2


def _whole(runs: float) -> int:
    return math.ceil(runs - 1e-6)
