"""Figures that appear in several places agree with the one place that shows what was printed.

docs/results.md is that place; for the costs on TPUs it is docs/scaling.md.
"""

import re

import pytest

from memkit.estimators import precision
from memkit.tpu_check.chips import CHIPS
from tests.docs import pages


def section(page, heading):
    """Returns the text of a page below a heading, up to the next heading of the same level."""
    level = heading.partition(" ")[0]
    text = (pages.ROOT / page).read_text().partition(f"\n{heading}\n")[2]
    assert text, heading
    return text.partition(f"\n{level} ")[0]


def printed(heading):
    """Returns the rows of a printed table of docs/results.md: {first cell: {column: cell}}."""
    lines = re.search(
        r"^point .*\n(?:\w+ .*\n)+", section("docs/results.md", heading), re.MULTILINE
    )
    header, *rows = (re.split(r"  +", line.strip()) for line in lines[0].splitlines())
    return {row[0]: dict(zip(header, row, strict=False)) for row in rows if len(row) > 1}


def quoted(path, pattern):
    """Returns the figures in a sentence: the groups of a pattern that matches its text."""
    text = " ".join((pages.ROOT / path).read_text().split())
    match = re.search(pattern.replace("#", r"(\d[\d.,]*\d|\d)"), text)
    assert match, f"{path} has no sentence like {pattern!r}"
    return match.groups()


def rounded(text, digits):
    return f"{float(text):.{digits}f}"


def test_the_readme_quotes_the_demo():
    demo = printed("## Digits along ResNet-8 width")
    quote = r"\(mean score #\), and the widest memorizes nearly all of them \(#\)"
    planted = (demo[point]["planted"] for point in ("one_hot_width1", "one_hot_width16"))
    assert quoted("README.md", quote) == tuple(rounded(value, 2) for value in planted)
    (auroc,) = quoted("README.md", "with an AUROC above #")
    assert float(demo["one_hot_width16"]["AUROC"]) > float(auroc)


def test_the_readme_quotes_the_audit():
    rows = section("docs/results.md", "## Suspected label errors")
    line = r"^planted labels: (\d+) of (\d+) called mislabeled .*; ([\d.]+)% of all"
    printed_figures = re.search(line, rows, re.M)
    quote = "at width 4, `memkit audit` finds # of the # flipped labels, and #%"
    assert quoted("README.md", quote) == printed_figures.groups()


def test_the_text_on_distillation_quotes_its_table():
    table = printed("## Distillation on digits")
    planted = tuple(table[f"distilled_width{width}"]["planted"] for width in (16, 4, 2))
    assert quoted("docs/results.md", r"as its teacher does \(#\); .* far less \(#, #\)") == planted


def test_the_page_on_scaling_quotes_the_stages_of_the_demo():
    stages = section("docs/results.md", "### Stages of the demo")
    shares = (
        re.search(rf"^training, {stage} +([\d.]+)%$", stages, re.MULTILINE)[1]
        for stage in ("workers start or wait", "compilation")
    )
    quote = "workers spend #% of the time starting or waiting and #% compiling"
    assert quoted("docs/scaling.md", quote) == tuple(rounded(share, 0) for share in shares)


def test_the_header_of_mnist_quotes_the_correlation_with_c_scores():
    (correlation,) = quoted("docs/results.md", r"published C-scores [^|]*, 0/1 \| #")
    quote = r"\(rank correlation # with 40 runs"
    assert quoted("configs/mnist_mlp.py", quote) == (rounded(correlation, 1),)


def costs():
    """Returns {config: (share of the peak in percent, chip-hours on v5e)} of docs/scaling.md."""
    text = section("docs/scaling.md", "## What the studies cost")
    rows = re.findall(r"^(\w+) .* ([\d.]+)%  +([\d.e+]+)  ", text, re.MULTILINE)
    return {name: (float(share), float(hours)) for name, share, hours in rows}


def test_headers_of_configs_quote_the_chip_hours_of_the_page_on_scaling():
    assert len(costs()) == 10
    for name, (_, hours) in costs().items():
        (quote,) = quoted(
            f"configs/{name}.py", "By the TPU compiler's estimates, # chip-hours on v5e"
        )
        assert float(quote.replace(",", "")) == pytest.approx(hours, rel=0.003, abs=0.005), name


def test_the_header_of_cifar100_quotes_the_time_of_the_arithmetic_alone():
    share, hours = costs()["cifar100_resnet_depth"]
    least = {name: share / 100 * hours * CHIPS["v5e"].peak / CHIPS[name].peak for name in CHIPS}
    expected = (rounded(least["v5e"], 1), rounded(least["v6e"], 1))
    bound = "lower bound: # chip-hours on v5e, # on v6e"
    assert quoted("configs/cifar100_resnet_depth.py", bound) == expected


def test_the_table_of_runs_for_a_half_width_has_the_numbers_of_the_reference():
    text = section("docs/methods.md", "## Runs for a half width")
    rows = re.findall(
        r"^\| (.+) \| (\d+)% \| (\d+) \| ([\d.]+) \| .* \| (.+) \| (.+) \|$", text, re.M
    )
    assert len(rows) > 20
    outside = 0
    for data, fraction, runs, half_width, from_records, from_reference in rows:
        match = re.match(r"[\d,]+", data)
        num_examples = int(match[0].replace(",", ""))
        needed = precision.needed_before(
            float(half_width), num_examples, train_fraction=int(fraction) / 100
        )
        likely, least, most = map(int, re.findall(r"\d+", from_reference))
        assert needed.likely == pytest.approx(likely, rel=0.03, abs=3)
        assert needed.most == pytest.approx(most, rel=0.03)
        assert least <= int(runs) <= most
        _, least, most = map(int, re.findall(r"\d+", from_records))
        outside += not least <= int(runs) <= most
    assert outside == 1


def test_the_readme_quotes_the_leaderboard_against_leaving_out():
    rows = section("docs/results.md", "## One run against leaving out every example")
    board = rows.partition("one_hot_hidden64: ")[2]

    def single(proxy):
        return re.search(rf"^{proxy} .* (\d\.\d+) \(\d", board, re.MULTILINE)[1]

    names = ("NTK memorization", "label probability", "area under margin", "final loss")
    quote = (
        r"`record.ntk`\) \| # \| \| mean label probability over training \| # \| "
        r"\| area under the margin \| # \| \| loss of the trained network \| # \| .*ceiling\) \| #"
    )
    ceiling = re.search(r"^ceiling +(\d\.\d+)", board, re.MULTILINE)[1]
    assert quoted("README.md", quote) == (*map(single, names), ceiling)


def test_the_readme_quotes_the_runs_that_pooled_scores_are_worth():
    row = re.search(
        r"^\| pooled \| ([\d.]+) ",
        section("docs/results.md", "## Runs needed: pooled scores"),
        re.M,
    )
    (runs,) = quoted("README.md", "20 runs of memkit have the squared error of # runs")
    assert runs == rounded(row[1], 0)
