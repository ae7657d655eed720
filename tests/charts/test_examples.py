"""Pictures of examples with their trajectories, and influence given against memorization."""

import base64
import io
import re

import numpy as np
from PIL import Image

from memkit import charts
from memkit.analysis.influence import given_chart
from memkit.analysis.trajectories import examples_chart
from memkit.seeds import stream

VALUES = np.array([[0.1, 0.9], [0, 1], [0.8, 0.8], [0.2, 0.1], [0.3, 0.9], [0, np.nan]])
KINDS = ["increasing", "increasing", "constant", "constant", "increasing", "increasing"]
PICTURES = stream(0, "tests/examples").integers(0, 255, (6, 8, 8, 1)).astype(np.uint8)


def _table(planted):
    chosen = examples_chart.choose(VALUES, KINDS, planted)
    return examples_chart.table(
        chosen,
        {"one_hot": (VALUES, VALUES - 0.1, VALUES + 0.1)},
        sizes=(1, 16),
        pictures=PICTURES,
        labels={i: f"class {i}" for i in range(6)},
    )


def test_examples_are_chosen_by_their_change_and_constant_ones_by_their_level():
    chosen = examples_chart.choose(VALUES, KINDS, np.zeros(6, bool))
    assert chosen == {"constant (2 examples)": [2, 3], "increasing (3 examples)": [1, 0, 4]}


def test_planted_and_clean_labels_have_rows_of_their_own():
    chosen = examples_chart.choose(VALUES, KINDS, np.arange(6) == 1)
    assert chosen == {
        "constant, clean labels (2 examples)": [2, 3],
        "increasing, clean labels (2 examples)": [0, 4],
        "increasing, planted labels (1 example)": [1],
    }


def test_every_example_has_its_trajectory_and_its_own_pixels_once():
    rows = _table(np.zeros(6, bool))
    urls = {row["label"]: row["url"] for row in rows if row["url"]}
    assert len(urls) == 5 == sum(row["url"] is not None for row in rows)
    for label, url in urls.items():
        png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(png)))[::8, ::8, :1]
        example = int(label.split()[1])
        np.testing.assert_array_equal(pixels, PICTURES[example])
        of_label = [row for row in rows if row["label"] == label]
        assert [row["value"] for row in of_label] == VALUES[example].tolist()


def test_pictures_are_in_every_file():
    spec = examples_chart.chart(_table(np.zeros(6, bool)), size_title="Width").to_dict()
    files = charts.images(spec, ("svg", "png", "pdf"))
    assert len(re.findall(rb"<image[^>]*data:image/png", files["svg"])) == 5
    pixels = np.asarray(Image.open(io.BytesIO(files["png"])).convert("RGB")).reshape(-1, 3)
    # A pixel of a digit is 5 to 6 units wide, and 3 pixels are drawn per unit.
    shade = np.full(3, PICTURES[2].max())
    assert (pixels == shade).all(axis=1).sum() >= 15**2
    assert files["pdf"].count(b"/Subtype /Image") >= 5


EDGES = np.linspace(0, 1.1, 12)


def test_influence_given_is_the_sum_of_the_strong_ones():
    strongest = [[0.5, 0.2, 0.1], [0.15, np.nan, np.nan], [np.nan] * 3]
    np.testing.assert_allclose(given_chart.given(strongest, 0.15), [0.7, 0.15, 0])


def test_means_per_bin_of_memorization_equal_a_loop_and_rare_bins_have_none():
    draw = stream(0, "tests/given")
    memorization, given = draw.random(300), draw.random(300)
    memorization[memorization > 0.9] = 0.05
    memorization[:3] = 0.95
    rows = given_chart.table({"all": (memorization, given, given > 2)}, EDGES)
    means = [row for row in rows if row["group"] == given_chart.MEAN]
    assert max(row["x"] for row in means) < 0.9 < memorization.max()
    for row in means:
        members = [g for m, g in zip(memorization, given) if row["x"] - 0.05 <= m < row["x"] + 0.05]
        margin = 1.96 * np.std(members, ddof=1) / np.sqrt(len(members))
        np.testing.assert_allclose(row["value"], np.mean(members))
        np.testing.assert_allclose(row["upper"] - row["value"], margin)
    assert sum(row["count"] for row in rows if row["group"] == "cell") == 300


def test_examples_beyond_chance_are_marked_with_their_numbers():
    memorization, given = np.array([0.1, 0.9, np.nan]), np.array([0.2, 2.5, 3.0])
    panels = {"all": (memorization, given, np.array([False, True, True]))}
    rows = given_chart.table(panels, EDGES)
    marked = [row for row in rows if row["group"] == given_chart.BEYOND]
    assert [(row["x"], row["value"]) for row in marked] == [(0.9, 2.5)]
