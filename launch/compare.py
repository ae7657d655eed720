"""Compare a study's scores with a published file or another study: flags plus one call."""

import sys

from memkit.launch import flags, values

from memkit import cli, studies
from memkit.analysis import across_points, across_text
from memkit.errors import expected
from memkit.studies import exports

_WORKDIR = flags.workdir()
_POINTS = flags.points()
_WITH = flags.text("with", "a published file, a folder of aux_arrays.npz files, or another study")
_WITH_POINTS = flags.names("with_points", "points of the other study, one per point of --points")
_AND_WITH = flags.names(
    "and_with",
    "more studies of other subset fractions, if --workdir leaves one example out and --with does "
    "not; their scores are also extrapolated to leaving out one example",
)
_SCORE = flags.text("score", "the column of scores, in a file of columns")
_ROWS = flags.choice(
    "rows", ["original"], "original: the file's rows are in the data set's original order"
)
_OUT = flags.text("out", "folder for charts (PNG, SVG, HTML) and comparison.json")


def main() -> int:
    other = values.required("with", _WITH.value)
    if studies.exists(other):
        print(_comparison_with_study(other))
        return 0
    study = studies.load(_WORKDIR.value) if _WORKDIR.value else None
    points = across_points.chosen_points(study, _POINTS.value) if study else []
    if study:
        studies.check_sources(study)
    exports.check_table(other)
    print(
        across_text.with_file(
            other,
            study,
            points,
            score=_SCORE.value or "",
            is_original_order=_ROWS.value == "original",
            out=_OUT.value,
        )
    )
    return 0


def _comparison_with_study(other_workdir: str) -> str:
    study = studies.load(values.required("workdir", _WORKDIR.value))
    other = studies.load(other_workdir)
    for each in (study, other):
        studies.check_sources(each)
    points = across_points.matching_points(study, other, _POINTS.value, _WITH_POINTS.value)
    if _AND_WITH.value:
        return _comparison_of_fractions(study, [other, *map(studies.load, _AND_WITH.value)])
    return str(across_text.with_study(study, other, points, out=_OUT.value))


def _comparison_of_fractions(study: studies.Study, others: list[studies.Study]) -> str:
    for other in others[1:]:
        studies.check_sources(other)
    points = across_points.chosen_points(study, _POINTS.value)
    if len(points) > 1:
        raise expected("--points", "one point of a study that leaves one example out", len(points))
    names = [point.name for point in points]
    matching = [
        across_points.matching_points(study, other, names, _WITH_POINTS.value)[0][1]
        for other in others
    ]
    pairs = list(zip(others, matching, strict=True))
    return str(across_text.with_fractions((study, points[0]), pairs, out=_OUT.value))


if __name__ == "__main__":
    cli.launch("compare", main, sys.argv[1:])
