import types

import pytest

from memkit.analysis.accuracy.result import Accuracy
from memkit.analysis.convergence import estimate as convergence
from memkit.analysis.convergence import section as convergence_section
from memkit.analysis.distillation import estimate as distillation
from memkit.analysis.distillation import section as distillation_section
from memkit.analysis.distillation.result import Distillation
from memkit.analysis.size_changes import estimate as size_changes
from memkit.analysis.size_changes import section as sizes_section
from memkit.estimators import WithError
from memkit.report import formatting

SECTIONS = (sizes_section, distillation_section, convergence_section)
SERIES = ("one_hot", "distilled", "distilled_from_1")


@pytest.fixture(scope="module")
def filled(make_content):
    """The Content of a simulated study with the results that the sections show."""
    analyses = (size_changes, distillation, convergence)
    return make_content(count=60, runs=40, sizes=(1, 4), series=SERIES, also=analyses)


@pytest.fixture(scope="module")
def sections(filled):
    """Its three sections, by module."""
    return {module: module.section(filled) for module in SECTIONS}


@pytest.mark.parametrize("module", SECTIONS)
def test_section_has_figures_and_full_tables(sections, module):
    section = sections[module]
    assert not section.empty and section.figures and section.tables
    for name, figure in section.figures.items():
        assert figure.name == name and len(figure.caption) > 40
        assert figure.chart.to_dict()["description"]
    for table in section.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert not any(word in " ".join(row) for row in table.rows for word in ("nan", "None"))


def test_the_heading_on_sizes_names_the_first_and_the_last(sections):
    assert "from width 1 to width 4" in sections[sizes_section].finding


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((-0.2, -0.2), "lowers mean memorization at 2 of 2 sizes"),
        ((0.2, -0.2), "lowers mean memorization at 1 of 2 sizes and raises it at 1"),
        ((0.2, 0.0), "raises mean memorization at 1 of 2 sizes"),
        ((0.0, 0.0), "does not clearly change mean memorization at 2 sizes"),
    ],
)
def test_the_heading_on_distillation_says_what_is_clear_in_either_direction(changes, words):
    sizes = [types.SimpleNamespace(memorization=WithError(value, 0.01, 19)) for value in changes]
    result = Distillation({"distilled": types.SimpleNamespace(sizes=sizes)}, {})
    assert distillation_section._finding(result) == f"Distillation {words}"


@pytest.mark.parametrize("module", SECTIONS)
def test_a_study_without_the_analysis_names_the_command(content, module):
    section = module.section(content)
    assert "memkit estimate" in section.empty or "--config.series" in section.empty
    assert not section.figures


def test_anchors_do_not_repeat_those_of_the_page(sections):
    anchors = [section.anchor for section in sections.values()]
    assert len({*anchors, "sizes", "distribution", "trajectories"}) == 6


def test_accuracy_tables_have_the_layout_of_the_paper(filled):
    one_hot, distilled = sizes_section.accuracy_tables(filled)
    assert one_hot.columns[1:] == ("Train", "Test")
    assert distilled.columns[1:] == (
        "Train, teacher 4",
        "Test, teacher 4",
        "Train, teacher 1",
        "Test, teacher 1",
    )
    assert [row[0] for row in distilled.rows] == ["width 1", "width 4"]
    test = filled.results[Accuracy].points["distilled_from_1-width4"].test
    assert distilled.rows[1][4].startswith(f"{test.value:.2f}")


def test_table_of_changes_shows_the_numbers_of_the_summary(filled, sections):
    table = sections[distillation_section].tables[0]
    change = filled.results[Distillation].series["distilled"].sizes[0]
    assert table.rows[0][:3] == ("width 1", "one_hot-width4", "40")
    assert table.rows[0][3] == formatting.estimate(change.memorization)


def test_runs_needed_are_whole_numbers_in_the_table(sections):
    table = sections[convergence_section].tables[1]
    assert table.columns[-4].startswith("Runs for ±0.1")
    assert all(cell.replace(",", "").isdigit() for cell in table.rows[0][-4:])
