"""The class `Scores`: the scores of one point of a study."""

import dataclasses
import functools
import importlib.util
from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from memkit import studies
from memkit.analysis import tables
from memkit.analysis.audit.estimate import columns
from memkit.analysis.audit.result import AuditedExamples, LabelAudit
from memkit.errors import expected, missing
from memkit.estimators.audit import KINDS, MISLABELED
from memkit.printable import printable
from memkit.studies import Study, exports

with epy.lazy_imports():  # Charts are slow to import.
    from memkit.report import chart_files, known_charts, notebook

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from memkit.report.blocks import Chart, Figure
    from memkit.report.content import Content

# Columns of `Scores.table`, in its order.
_SCORES = ("memorization_pooled", "memorization_correct")
_COLUMNS = (
    *("row", "id", "label", "given_label", "class_name", "planted", "num_in", "num_out"),
    *(f"{score}{end}" for score in _SCORES for end in ("", "_lower", "_upper")),
    *(f"{arm}_mean_{outcome}" for outcome in studies.OUTCOMES for arm in ("in", "out")),
    *("kind", "suggested_label"),
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """The scores of one point of a study: tables, charts, and what a notebook shows.

    Row i of every table and array belongs to example i of the study, unless stated otherwise.

    Attributes:
      study: the Study; `study.examples` has ids and labels, `study.train_mask` [M, N] the images
        that each run trained on.
      point: name of the point.
      content: what the report of the study shows, such as `content.summary` and the estimates
        `content.scores[point]["pooled"]`.
      audit: the audit of the given labels at this point.
      suspected: the whole table from which `suspects` takes the first rows.
    """

    study: Study
    point: str
    content: "Content"
    audit: LabelAudit
    suspected: "pyarrow.Table"

    @property
    def points(self) -> tuple[str, ...]:
        """Names of the points of the study, which `load(workdir, point=...)` takes.

        Examples:
          >>> from memkit import load
          >>> load(workdir).points
          ('one_hot_width1', 'one_hot_width2')
        """
        return tuple(point.name for point in self.study.points)

    def table(self) -> "pyarrow.Table":
        """Returns a row per train example, in the order of the study, with these columns.

        The names are those of the table that `memkit estimate` writes. Missing values are undefined
        numbers, for example of an image that every run trained on. Intervals are 95% intervals.

        - `row`: number of the row, from 0, which remains known in a sorted or filtered table.
        - `id`: id of the image.
        - `label`: label that the data set gives the image, 0 to C - 1.
        - `class_name`: name of the class that runs were trained on.
        - `given_label`: number of this class. Like `planted`, this column exists only if labels
          were planted; otherwise it would be equal to `label`.
        - `planted`: whether the label was changed on purpose.
        - `num_in`, `num_out`: number of runs that trained on the image, and of those that did not.
        - `memorization_pooled`: memorization, -1 to 1, higher = more memorized, with the help of
          all other images; `memorization_pooled_lower` and `_upper` are the ends of its interval.
        - `memorization_correct`: the raw score, the share of correct predictions of the runs that
          trained on the image minus that of the others, -1 to 1; with `memorization_correct_lower`
          and `_upper`.
        - `in_mean_correct`, `out_mean_correct`: these two shares, 0 to 1.
        - `in_mean_prob`, `out_mean_prob`: in-sample and out-of-sample probability: the mean
          probability of the given label in the runs that trained on the image, and in those that
          did not, 0 to 1; higher = more confident.
        - `kind`: verdict of the audit on the given label, one of `estimators.audit.KINDS`;
          "mislabeled" marks a likely label error, "rare" an unusual image whose label is outvoted.
        - `suggested_label`: name of the class that wins the votes of the runs that did not train on
          the image; missing where it does not win over the given label.

        Examples:
          >>> from memkit import load
          >>> table = load(workdir).table()
          >>> table.num_rows, table["id"][:3].to_pylist()
          (60, ['d0', 'd1', 'd2'])
          >>> worst = table.sort_by([("memorization_pooled", "descending")]).slice(0, 5)
          >>> bool(worst["memorization_pooled"][0].as_py() > 0.5)
          True
        """
        estimates, examples = self.content.scores[self.point], self.study.examples
        known = tables.of_examples(examples) | tables.of_estimates(estimates)
        known |= {name: getattr(estimates["correct"], name) for name in ("num_in", "num_out")}
        audited, names = self._audited, np.asarray(examples.class_names).astype(str)
        known["kind"] = np.asarray(KINDS)[audited.kind]
        known["suggested_label"] = np.ma.masked_array(
            names[audited.rival], mask=audited.kind != MISLABELED
        )
        if not examples.planted.any():
            known = {k: v for k, v in known.items() if k not in ("given_label", "planted")}
        return exports.arrow_table({name: known[name] for name in _COLUMNS if name in known})

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns `table` as a pandas DataFrame.

        Raises:
          InputError: pandas is not installed.
        """
        if importlib.util.find_spec("pandas") is None:
            raise missing("to_pandas", "package pandas", "`pip install pandas` installs it")
        return self.table().to_pandas()

    def suspects(self, n: int = 20) -> "pyarrow.Table":
        """Returns the n most suspect labels, in the order in which `memkit audit` lists them.

        Likely wrong labels come first, then exact copies, ambiguous images and those that too few
        runs held out. The columns are those of the table `audit` that `memkit audit` writes, see
        `analysis.audit.result.AuditedExamples`; `given_label` and `suggested_label` are names of
        classes, and the latter is "" unless the kind is "mislabeled".

        Args:
          n: largest number of rows, at least 0.

        Examples:
          >>> from memkit import load
          >>> suspects = load(workdir).suspects(3)
          >>> suspects.num_rows, suspects.column_names[:6]
          (3, ['rank', 'id', 'point', 'kind', 'given_label', 'suggested_label'])
        """
        if n < 0:
            raise expected("n", "a whole number of at least 0", n)
        return self.suspected.slice(0, n)

    @property
    def charts(self) -> tuple[str, ...]:
        """Names of the charts that the study has the numbers for.

        Examples:
          >>> from memkit import load
          >>> load(workdir).charts[:3]
          ('accuracy', 'mean_memorization', 'memorization_histograms')
        """
        return tuple(self._figures)

    def chart(self, name: str) -> "Chart":
        """Returns a chart of the study's report as an Altair chart.

        Args:
          name: one of `charts`; the documentation explains every chart.

        Raises:
          InputError: there is no chart of this name, or the study lacks what it needs.

        Examples:
          >>> from memkit import load
          >>> chart = load(workdir).chart("mean_memorization")
          >>> chart.to_dict()["description"][:43]
          'Mean memorization against model size, and b'
        """
        return known_charts.chosen(self._figures, name, argument="name")

    @functools.cached_property
    def _figures(self) -> "dict[str, Figure]":
        return chart_files.present(self.content)

    @property
    def _audited(self) -> AuditedExamples:
        if self.audit.examples is None:
            raise expected("audit", "the audit of a point with runs", self.audit.point)
        return self.audit.examples

    def __repr__(self) -> str:
        series = self.study.point(self.point).series
        members = [point.name for point in self.study.points if point.series == series]
        place = members.index(self.point) + 1
        which = "the last" if place == len(members) else f"number {place}"
        several = f", {which} of {len(members)} points of series {series}"
        lines = [
            f"Scores of {len(self.content.ids):,} images at {self.point}"
            f"{several if len(self.points) > 1 else ''}.",
            notebook.headline(self.content, self.point),
            notebook.caution(self.content, self.point),
        ]
        return "\n".join(printable(line) for line in lines if line)

    def _repr_html_(self) -> str:
        return notebook.html(self.content, self.point, self._audited)


def of_content(study: Study, point: str, content: "Content", audit: LabelAudit) -> Scores:
    """Returns the Scores of a point, from the Content of its study and its audit."""
    return Scores(study, point, content, audit, exports.arrow_table(columns(study, audit)))
