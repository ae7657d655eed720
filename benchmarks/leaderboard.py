"""Prints how well every proxy ranks examples as leaving each of them out does.

  python -m benchmarks.leaderboard --workdir=WORKDIR

The study has the design leave_one_out; docs/results.md has the commands that trained those shown
there. Proxies come from one half of the units and memorization from the other. For either outcome,
a table per size has Spearman's correlation with half the width of its 95% interval for the proxy
averaged over runs, the mean and standard deviation over single runs, and the AUROC of a single run
in finding planted labels. A study of several sizes also has tables across sizes. The ceiling is the
most that a proxy can be expected to reach against a truth from so many units.
"""

import functools

import numpy as np
from absl import app, flags

from memkit import proxies, studies, tables
from memkit.analysis import read_outcomes
from memkit.analysis.common_runs import common_runs
from memkit.estimators import auroc, grouped, margins, units
from memkit.proxies import correlations, leaderboard

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the study.", required=True)
_SPLITS = 8
_LEAST = 4  # units of a size
OUTCOMES = {"prob": "the probability of the label", "correct": "right or wrong answers"}


def values_of(points, runs):
    """Returns {proxy: [A][H, N]} of some runs."""
    names = [name for name in points[0].proxies if all(name in p.proxies for p in points)]
    rows = [np.isin(point.proxy_index, runs) for point in points]
    return {
        name: [p.proxies[name][of] for p, of in zip(points, rows, strict=True)] for name in names
    }


def boards(study, points, outcome, statistics):
    """Returns (Board, ({proxy: {statistic: stderr}}, {statistic: stderr}), degrees of freedom)."""
    runs, seed = common_runs(points), study.config["seed"]
    shared = functools.reduce(np.intersect1d, [point.proxy_index for point in points])
    history = np.searchsorted(runs.index, shared)
    splits = leaderboard.halves(runs.num_units, len(history), seed, _SPLITS)[:, runs.unit]
    options = dict(history=history, first=splits, statistics=statistics)
    arguments = (values_of(points, shared), [runs.take(p, outcome) for p in points], runs.mask)
    group = grouped.run_groups(runs.num_units, seed, num_first=len(history))
    group = group[units.numbered(runs.unit, len(runs.unit))]
    errors = leaderboard.standard_errors(*arguments, **options, group=group)
    return leaderboard.board(*arguments, **options), errors, len(np.unique(group)) - 1


def with_margin(value, stderr, df):
    return f"{value:.3f} +/- {margins.WithError(value, stderr, df).margin:.3f}"


def rows(board, errors, df, statistic, aurocs):
    """Yields the cells of the ceiling and of every proxy, the best single run first."""
    ceiling = with_margin(board.ceiling[statistic], errors[1][statistic], df)
    yield ["ceiling", ceiling, "", *([""] if aurocs else [])]
    for name in sorted(board.single, key=lambda n: -board.single[n][statistic]):
        single = f"{board.single[name][statistic]:.3f}"
        single += f" ({board.single_deviation[name][statistic]:.3f})"
        averaged = with_margin(board.averaged[name][statistic], errors[0][name][statistic], df)
        cells = [proxies.label(name), averaged, single]
        yield [*cells, f"{aurocs[name]:.3f}"] if aurocs else cells


def main(_):
    study = studies.load(_WORKDIR.value)
    points = [read_outcomes(study, point, with_training=True) for point in study.points]
    points = [point for point in points if point.num_units >= _LEAST]
    planted = study.examples.planted
    for outcome, meaning in OUTCOMES.items():
        print(f"\nMemorization by {meaning}")
        for point in points:
            aurocs = {
                name: np.mean([auroc(run, planted) for run in value[0]])
                for name, value in values_of([point], point.proxy_index).items()
            }
            board = boards(study, [point], outcome, correlations.AT_ONE_SIZE)
            memorization = point.estimates[outcome].value.mean()
            size = f"{point.num_units} units of {study.sizes.train + 1} runs"
            print(f"\n{point.point.name}: {size}, mean memorization {memorization:.3f}")
            for name in point.proxies.keys() & {"ntk_memorization"}:
                print(f"mean of {proxies.label(name)}: {np.nanmean(point.proxies[name]):.3f}")
            header = ("proxy", "averaged", "one run", "AUROC of one run")
            print(tables.text(header, list(rows(*board, "spearman", aurocs))))
        if len(points) > 1:
            everything = np.ones(study.sizes.train, bool)
            statistics = correlations.across_sizes(everything, everything)
            board = boards(study, points, outcome, statistics)
            for statistic in ("along_spearman", "change_spearman"):
                print(f"\nacross sizes: {statistic}")
                header = ("proxy", "averaged", "one run")
                print(tables.text(header, list(rows(*board, statistic, {}))))


if __name__ == "__main__":
    app.run(main)
