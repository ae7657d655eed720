import numpy as np
import pytest

from memkit.errors import InputError
from memkit.estimators import left_out, left_out_margins
from memkit.seeds import stream


def _clusters(count=40, num_classes=3):
    rng = stream(0, "tests/left_out")
    labels = np.arange(count) % num_classes
    return labels[:, None] * 2.0 + rng.normal(0, 0.7, (count, 5)), labels


def _refitted(pixels, labels, num_classes, width, ridge):
    """Fits the kernel regression once without each example."""
    squared = ((pixels[:, None] - pixels[None]) ** 2).sum(axis=2)
    kernel = np.exp(-width * squared / np.median(squared))
    target = np.eye(num_classes)[labels] - 1 / num_classes
    margins = []
    for i in range(len(labels)):
        rest = np.delete(np.arange(len(labels)), i)
        strength = kernel[np.ix_(rest, rest)] + ridge * np.eye(len(rest))
        predicted = kernel[i, rest] @ np.linalg.solve(strength, target[rest])
        margins.append(predicted[labels[i]] - np.delete(predicted, labels[i]).max())
    return np.array(margins)


def test_the_closed_form_equals_refitting_without_each_example(monkeypatch):
    monkeypatch.setattr(left_out, "WIDTHS", (1.0,))
    monkeypatch.setattr(left_out, "RIDGES", (0.3,))
    pixels, labels = _clusters()
    expected = _refitted(pixels.astype(np.float32), labels, 3, 1.0, 0.3)
    np.testing.assert_allclose(left_out_margins(pixels, labels, 3), expected, atol=2e-3)


def test_a_flipped_label_is_contradicted():
    pixels, labels = _clusters()
    labels = labels.copy()
    labels[7] = (labels[7] + 1) % 3
    assert left_out_margins(pixels, labels, 3).argmin() == 7


def test_landmarks_give_nearly_the_same_margins(monkeypatch):
    monkeypatch.setattr(left_out, "WIDTHS", (1.0,))
    pixels, labels = _clusters(count=300)
    whole = left_out_margins(pixels, labels, 3)
    monkeypatch.setattr(left_out, "_LANDMARKS", 60)
    assert np.corrcoef(left_out_margins(pixels, labels, 3), whole)[0, 1] > 0.85


def test_a_choice_on_some_examples_is_applied_to_all(monkeypatch):
    monkeypatch.setattr(left_out, "_CHOICE", 100)
    pixels, labels = _clusters(count=300)
    margins = left_out_margins(pixels, labels, 3)
    assert margins.shape == (300,) and np.mean(margins > 0) > 0.9


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_or_equal_images_have_finite_margins(count):
    margins = left_out_margins(np.zeros((count, 4, 4)), np.zeros(count, int), 2)
    assert margins.shape == (count,) and np.isfinite(margins).all()


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match="labels: expected 40 labels, one per image"):
        left_out_margins(_clusters()[0], np.zeros(3, int), 2)
