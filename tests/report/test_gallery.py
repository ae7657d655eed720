import dataclasses

import numpy as np

from memkit.report import gallery


def test_top_is_sorted_leaves_out_nan_and_keeps_ties_in_order():
    score = np.array([0.1, np.nan, 0.9, 0.5, 0.9])
    assert gallery.top(score).tolist() == [2, 4, 3, 0]
    assert gallery.top(score, 1).tolist() == [2]
    assert gallery.top(np.full(3, np.nan)).tolist() == []


def test_groups_have_the_promised_number_of_examples(content):
    groups = {group.title: group for group in gallery.groups(content)}
    assert len(groups["Most memorized at width 16"].examples) == gallery.TOP
    assert len(groups["Most memorized at width 1"].examples) == gallery.TOP
    labels = [group for title, group in groups.items() if title.startswith("Label: ")]
    assert len(labels) == len(np.unique(content.given_labels))
    assert all(0 < len(group.examples) <= gallery.TOP_PER_LABEL for group in labels)


def test_most_memorized_are_those_with_the_highest_value(content):
    value = content.scores["one_hot-width16"]["pooled"].value
    examples = gallery.groups(content)[0].examples
    assert [value[i] for i in examples] == sorted(value, reverse=True)[: gallery.TOP]


def test_changes_are_listed_by_sign_the_greatest_first(content):
    groups = {group.title: group for group in gallery.groups(content)}
    first, last = (content.scores[f"one_hot-width{k}"]["pooled"].value for k in (1, 16))
    change = last - first
    rises = [change[i] for i in groups["Memorization rises most"].examples]
    assert rises == sorted(change[change > 0], reverse=True)[: gallery.TOP]
    falls = [change[i] for i in groups["Memorization falls most"].examples]
    assert falls == sorted(change[change < 0])[: gallery.TOP]


def test_every_series_has_its_own_groups(make_content):
    groups = gallery.groups(make_content(sizes=(1, 16), series=("one_hot", "distilled")))
    titles = {s: [g.title for g in groups if g.series == s] for s in ("one_hot", "distilled")}
    assert "Most memorized at width 16" in titles["one_hot"]
    assert "Most memorized at width 16" in titles["distilled"]


def test_only_labels_of_high_memorization_are_listed_where_there_are_many(content):
    labels = np.arange(len(content.ids)) % 100
    names = tuple(f"class {i}" for i in range(100))
    many = dataclasses.replace(content, class_names=names, labels=labels, given_labels=labels)
    result = [g for g in gallery.groups(many) if g.title.startswith("Label: ")]
    assert len(result) == gallery.MAX_LABELS == 30
    assert all("The 30 of 80 labels" in group.note for group in result)


def test_found_and_missed_planted_labels_have_separate_lists(content):
    value = np.linspace(0.0, 0.5, 80)
    value[:6] = [0.9, 0.8, 0.7, 0.6, 0.01, 0.02]  # 6 planted labels: 4 on top, 2 at the bottom
    last = content.scores["one_hot-width16"]["pooled"]
    scores = content.scores | {
        "one_hot-width16": {
            name: dataclasses.replace(last, value=value) for name in ("correct", "pooled")
        }
    }
    groups = {g.title: g for g in gallery.groups(dataclasses.replace(content, scores=scores))}
    result = groups["Planted labels that were found"]
    missed = groups["Planted labels that were not found"]
    assert result.examples == (0, 1, 2, 3)
    assert missed.examples == (4, 5)
    assert result.note.startswith("4 of the 6 planted labels")


def test_without_planted_labels_no_group_mentions_them(make_content):
    groups = gallery.groups(make_content(planted=0))
    assert groups
    assert not any("lanted" in g.title or "clean" in g.title for g in groups)
