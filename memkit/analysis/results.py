"""Stores the result of a question: its numbers in summary.json, its arrays in npz files.

The result of a question is a frozen dataclass. Fields made by `arrays` and `point_arrays` are
stored as npz files; all other fields become entries of summary.json, NaN as null. The types of the
fields decide how they are read again: numbers, text, other frozen dataclasses, and tuples and
mappings of them.
"""

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from etils import epy

from memkit import studies
from memkit.estimators import WithError
from memkit.studies import Study
from memkit.typing import Array, Json

with epy.lazy_imports():  # It takes a tenth of a second to import.
    import cattrs.preconf.json

_R = TypeVar("_R")
_ARRAYS, _STUDY, _POINTS = "arrays", "study", "points"


def arrays() -> Any:
    """Returns a field that is stored in the study's npz file of the question.

    Its type is a mapping {name: array}, or a dataclass of arrays or None. An empty mapping and None
    are stored as no file.
    """
    return dataclasses.field(metadata={_ARRAYS: _STUDY})


def point_arrays() -> Any:
    """Returns a field {point name: mapping or dataclass of arrays}, stored in a file per point."""
    return dataclasses.field(metadata={_ARRAYS: _POINTS})


def to_json(value: Any) -> Any:
    """Returns a number, text, dataclass, tuple or mapping as plain JSON values, NaN as None."""
    return _converter().unstructure(value)


def from_json(value: Any, kind: Any) -> Any:
    """Returns the value of a type that `to_json` turned into plain JSON values."""
    return _converter().structure(value, kind)


def write(study: Study, name: str, result: Any) -> Json:
    """Writes the arrays of a result into their files.

    Args:
      study: Study.
      name: name of the question.
      result: a frozen dataclass, the question's result.

    Returns:
      The result's entry of summary.json.
    """
    numbers: Json = {}
    for field in dataclasses.fields(result):
        value = getattr(result, field.name)
        where = _stored(field)
        if where == _POINTS:
            for point, of_point in value.items():
                studies.write_arrays(study, name, _named(of_point), point=study.point(point))
        elif where == _STUDY and value:
            studies.write_arrays(study, name, _named(value))
        elif where is None:
            numbers[field.name] = to_json(value)
    return numbers


def read(study: Study, name: str, kind: type[_R], numbers: Json) -> _R:
    """Returns a result as `write` stored it.

    Args:
      study: Study.
      name: name of the question.
      kind: type of the result.
      numbers: the result's entry of summary.json.
    """
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, kind)):
        where, hint = _stored(field), hints[field.name]
        if where == _POINTS:
            files = {p.name: studies.read_arrays(study, name, point=p) for p in study.points}
            of_point = typing.get_args(hint)[1]
            values[field.name] = {
                point: _of_arrays(stored, of_point) for point, stored in files.items() if stored
            }
        elif where == _STUDY:
            values[field.name] = _of_arrays(studies.read_arrays(study, name), hint)
        else:
            values[field.name] = from_json(numbers[field.name], hint)
    return kind(**values)


def _stored(field: dataclasses.Field[Any]) -> str | None:
    return field.metadata[_ARRAYS] if _ARRAYS in field.metadata else None


def _named(value: Any) -> Mapping[str, Array]:
    """Returns a mapping or dataclass of arrays as {name: array}."""
    return vars(value) if dataclasses.is_dataclass(value) else value


def _of_arrays(stored: Mapping[str, Array] | None, hint: Any) -> Any:
    """Returns {name: array} as the type of a field; {} or None if there is no file."""
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(kind)]
    if not kinds:
        return stored or {}
    return None if stored is None else typing.cast(Any, kinds[0])(**stored)


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@functools.cache
def _converter() -> "cattrs.Converter":
    converter = cattrs.preconf.json.make_converter()
    converter.register_unstructure_hook(float, _plain)
    converter.register_structure_hook(
        float, lambda value, _: math.nan if value is None else float(value)
    )
    # The margin follows from the other fields; it is written for other readers of the file.
    converter.register_unstructure_hook(
        WithError,
        lambda error: {
            name: _plain(getattr(error, name)) for name in ("value", "stderr", "df", "margin")
        },
    )
    converter.register_structure_hook(WithError, _with_error)
    return converter


def _with_error(numbers: Json, _: Any) -> WithError:
    value, stderr, df = (from_json(numbers[name], float) for name in ("value", "stderr", "df"))
    # Numbers without any spread have a margin of 0 and infinite degrees of freedom.
    is_exact = numbers["df"] is None and numbers["margin"] is not None
    return WithError(value, stderr, math.inf if is_exact else df)
