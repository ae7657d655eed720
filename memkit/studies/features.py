"""Features that the runs of a series `last_layer` learn from, of one model trained on all data.

The file is a cache: if it is missing or damaged, training computes the features again.
"""

from absl import logging

from memkit.errors import DamagedFileError
from memkit.studies import files
from memkit.studies.points import LAST_LAYER, Point
from memkit.studies.study import Study
from memkit.typing import FloatArray


def features_name(point: Point) -> str:
    """Returns the path of a point's features relative to the workdir."""
    return f"points/{point.name}/features.npz"


def write_features(study: Study, point: Point, features: FloatArray) -> None:
    """Writes the features [N + T, D] float32 of a point."""
    where = study.workdir / features_name(point)
    files.write_checked_npz(
        where, inside=study.workdir, features=features, fingerprint=point.fingerprint
    )


def read_features(study: Study, point: Point) -> FloatArray | None:
    """Returns the features [N + T, D] of a point, or None if they must be computed.

    A warning names a file that is damaged or belongs to another point or study.
    """
    try:
        return _read(study, point)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        logging.warning("%s; the features are computed again", error)
        return None


def check_features(study: Study, point: Point) -> dict[str, str]:
    """Returns {file: what is wrong} of the features of a point that has runs; {} if they are sound.

    Raises:
      OSError: the file cannot be read.
    """
    if point.series != LAST_LAYER:
        return {}
    try:
        _read(study, point)
    except FileNotFoundError:
        return {features_name(point): files.MISSING}
    except DamagedFileError as error:
        return {features_name(point): error.reason}
    return {}


def _read(study: Study, point: Point) -> FloatArray:
    where = study.workdir / features_name(point)
    arrays = files.read_checked_npz(where)
    if arrays.keys() != {"features", "fingerprint"}:
        raise DamagedFileError(where, "not the features of a point")
    if str(arrays["fingerprint"]) != point.fingerprint:
        raise DamagedFileError(where, "features of another point or study")
    features, num_rows = arrays["features"], study.sizes.train + study.sizes.test
    if features.ndim != 2 or len(features) != num_rows:
        reason = f"features of shape {list(features.shape)}, expected {num_rows} rows"
        raise DamagedFileError(where, reason)
    return features
