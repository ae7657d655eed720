"""The section of the distribution says what is corrected for noise, and what is not."""

import dataclasses

from memkit.analysis.distribution import section


def _with_design(content, design):
    subsets = content.config["subsets"] | {"design": design}
    return dataclasses.replace(content, config=content.config | {"subsets": subsets})


def test_corrected_and_noisy_distributions_stand_beside_each_other(content):
    shown = section.section(content)
    assert list(shown.figures) == ["memorization_histograms", "noisy_histograms"]
    captions = [figure.caption for figure in shown.figures.values()]
    assert "corrected for the noise" in captions[0] and "noisy scores" in captions[1]
    assert "corrected" in shown.tables[0].caption and "noisy" in shown.tables[1].caption
    assert shown.tables[0].rows != shown.tables[1].rows


def test_a_study_that_leaves_one_example_out_claims_no_correction(content):
    shown = section.section(_with_design(content, "leave_one_out"))
    assert list(shown.figures) == ["memorization_histograms"]
    texts = [block.caption for block in (*shown.figures.values(), *shown.tables)]
    assert len(texts) == 2
    assert not any("corrected" in text for text in texts)
    assert all("noisy scores" in text for text in texts)
