import dataclasses
import re

import numpy as np
import pytest

from memkit.analysis.audit import section as audit_section
from memkit.analysis.audit.result import AuditedExamples, LabelAudit, PlantedFound
from memkit.estimators import audit
from memkit.report import render
from tests import simulated
from tests.report import rendering


@pytest.fixture(scope="module")
def audited(make_content):
    """A Content of 80 digits: 30 are called mislabeled, 7 rare, 12 copies and 10 ambiguous."""
    content = make_content(count=80, sizes=(1, 4))
    kind = np.repeat([0, 2, 3, 4, 1, 5], [30, 12, 10, 3, 7, 18]).astype(np.int8)
    rng = np.random.default_rng(0)
    score = np.where(kind == audit.NOT_JUDGED, np.nan, rng.random(80))
    score[31] = np.nan
    judged = np.where(np.isnan(score), np.nan, 1)
    examples = AuditedExamples(
        order=audit.ranked(audit.Audit(kind, score, None, None, None), np.zeros(80, bool)),
        kind=kind,
        score=score,
        out_prob=1 - score,
        out_prob_lower=(1 - score) / 2,
        out_prob_upper=1 - score / 2,
        given_share=0.25 * judged,
        rival=np.where(np.isnan(score), -1, (content.given_labels + 1) % 10),
        rival_share=0.75 * judged,
        rarity=np.where(kind == audit.RARE, 0.995, 0.5) * judged,
        memorization=np.full(80, 0.5),
        memorization_lower=np.full(80, 0.25),
        memorization_upper=np.full(80, 0.75),
        memorization_raw=np.full(80, 0.625),
        class_influence=np.zeros(80),
        class_influence_stderr=np.zeros(80),
        num_out=np.full(80, 12),
        copy=np.where(np.arange(80) == 31, 30, -1),
        test_copy=np.where(np.arange(80) == 31, 2, -1),
    )
    result = LabelAudit(
        point="one_hot-width4",
        num_runs=40,
        held_out=(11, 12),
        kinds=dict(zip(audit.KINDS, np.bincount(kind).tolist())),
        conflicting=0,
        planted=PlantedFound(count=6, judged=6, found=6, precision=0.2, recall=1.0),
        accuracy=0.99,
        chance=0.11,
        planned=40,
        missing={},
        small={},
        test_copies=0,
        examples=examples,
    )
    return simulated.with_results(content, result)


def _cards(html):
    """Returns [(id, example of the picture, {fact: text})] of every card."""
    result = []
    for card in html.split('<li class="card')[1:]:
        example = int(re.search(r'data-sheet="train" data-example="(\d+)"', card)[1])
        facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", card))
        result.append((re.search(r'class="id">(.*?)<', card)[1], example, facts))
    return result


def test_cards_show_the_picture_labels_and_votes_of_their_own_example(audited):
    section = audit_section.section(audited)
    cards = _cards(rendering.html(section))
    assert section.pictures == {"train": [example for _, example, _ in cards]}
    rows = {str(name): i for i, name in enumerate(audited.ids)}
    for name, example, facts in cards:
        i = rows[name]
        assert example == i
        given = audited.class_names[audited.given_labels[i]]
        if i == 31:
            assert facts["given"] == given and facts["probability"] == "–"
            assert facts["copy of"] == audited.ids[30]
            assert facts["same as test"] == audited.test_ids[2]
            continue
        assert facts["given"] == f"{given} (3 of 12)"
        key = "suggested" if i < 30 else "other"
        assert facts[key] == f"{audited.class_names[(audited.given_labels[i] + 1) % 10]} (9 of 12)"
        planted = audited.labels[i] != audited.given_labels[i]
        assert ("true" in facts) == planted


def test_each_kind_shows_its_most_suspect_examples_up_to_its_limit(audited):
    cards = _cards(rendering.html(audit_section.section(audited)))
    assert len(cards) == 24 + 7 + 8 + 8
    score = audited.results[LabelAudit].examples.score
    ids = list(audited.ids)
    shown = [ids.index(name) for name, *_ in cards[:24]]
    assert shown == np.argsort(-score[:30])[:24].tolist()
    rare = [ids.index(name) for name, *_ in cards[24:31]]
    assert rare == (55 + np.argsort(-score[55:62])).tolist()
    assert not {ids.index(name) for name, *_ in cards} & {52, 53, 54, *range(62, 80)}


def test_the_section_counts_every_kind_and_names_point_and_criteria(audited):
    section = audit_section.section(audited)
    assert section.empty == ""
    assert "Of the 40 runs at width 4" in section.intro and "11 to 12" in section.intro
    for text in ("30 mislabeled", "7 rare", "12 duplicate", "10 ambiguous", "3 not judged"):
        assert f'<th scope="row">{text}</th>' in rendering.html(section)
    assert "6 of 6 called mislabeled (100.0%); 20.0%" in rendering.html(section)
    assert "nan" not in rendering.html(section).lower().replace("not", "")


def test_kinds_without_examples_have_no_gallery(audited):
    result = audited.results[LabelAudit]
    order = result.examples.order
    order = order[result.examples.kind[order] == audit.MISLABELED]
    examples = dataclasses.replace(result.examples, order=order)
    fewer = dataclasses.replace(result, examples=examples)
    html = rendering.html(audit_section.section(simulated.with_results(audited, fewer)))
    assert html.count("<h3>") == 1 and len(_cards(html)) == 24


def test_a_study_without_an_audit_names_the_commands(content):
    section = audit_section.section(content)
    assert "`memkit run`" in section.empty and "`memkit audit --workdir=...`" in section.empty


def test_names_that_look_like_markup_stay_text(audited):
    names = np.array([f"<b>{i}</b>" for i in range(80)])
    html = rendering.html(audit_section.section(dataclasses.replace(audited, ids=names)))
    assert "<b>" not in html and "&lt;b&gt;" in html


def test_the_page_holds_the_section(audited):
    page = render(audited)["index.html"].decode()
    assert 'id="label-errors"' in page and "Likely mislabeled" in page
