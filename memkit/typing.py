"""Types that many signatures share."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
TextArray: TypeAlias = npt.NDArray[np.str_]

# A section of a config, or a whole one: its values are checked by `studies.checks`, not by types.
Config: TypeAlias = Mapping[str, Any]
# What a JSON file holds where no dataclass describes it.
Json: TypeAlias = dict[str, Any]
Path: TypeAlias = str | os.PathLike[str]


class Epochs(NamedTuple):
    """How far the training of a run is.

    Attributes:
      done: number of its finished epochs.
      total: number of all its epochs, at least 1.
    """

    done: int
    total: int
