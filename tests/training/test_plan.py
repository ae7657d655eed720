import subprocess
import sys

import numpy as np
import pytest

from memkit.errors import InputError
from memkit.recipe import steps_per_epoch
from memkit.training import plan

PAD = 4
MEMBERS = np.array([3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377])


def _epochs(members=MEMBERS, *, batch_size=4, num_epochs=3, augment="none", **changes):
    steps = steps_per_epoch(len(members), batch_size)
    rates = np.arange(num_epochs * steps, dtype=float).reshape(num_epochs, steps)
    arguments = {"seed": 0, "run": 0, "pad": PAD} | changes
    return list(
        plan.epochs(members, batch_size=batch_size, rates=rates, augment=augment, **arguments)
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 11])
def test_epoch_is_a_permutation_of_members_without_the_remainder(batch_size):
    for epoch in _epochs(batch_size=batch_size):
        assert epoch.index.shape == (11 // batch_size, batch_size)
        assert epoch.index.dtype == np.int32
        assert np.isin(epoch.index, MEMBERS).all()
        assert len(np.unique(epoch.index)) == epoch.index.size


def test_epoch_without_remainder_has_every_member():
    for epoch in _epochs(batch_size=11):
        assert sorted(epoch.index.ravel()) == MEMBERS.tolist()


def test_every_member_is_left_out_equally_often():
    times_used = np.zeros(400)
    for epoch in _epochs(num_epochs=2000, batch_size=4):
        times_used[epoch.index.ravel()] += 1
    counts = times_used[MEMBERS]
    assert counts.sum() == 2000 * 8
    deviation = np.sqrt(2000 * 8 / 11 * 3 / 11)
    assert np.abs(counts - 2000 * 8 / 11).max() < 5 * deviation


def test_batch_larger_than_the_subset_raises_an_error_that_names_both():
    with pytest.raises(InputError, match="^training.batch_size: .* 11 examples, received 12$"):
        steps_per_epoch(11, 12)
    with pytest.raises(InputError, match="11 examples, received 12"):
        list(
            plan.epochs(
                MEMBERS,
                batch_size=12,
                rates=np.ones((1, 1)),
                augment="none",
                pad=PAD,
                seed=0,
                run=0,
            )
        )


def test_only_whole_batches_are_steps():
    assert [steps_per_epoch(n, 4) for n in (4, 7, 8, 1005)] == [1, 1, 2, 251]


def test_epochs_runs_seeds_and_streams_have_other_permutations():
    members = np.arange(100)
    actual = [
        epoch.index.tobytes()
        for changes in ({}, {"run": 1}, {"seed": 1}, {"stream": "/distilled"})
        for epoch in _epochs(members, batch_size=10, num_epochs=5, **changes)
    ]
    assert len(set(actual)) == 20


def test_epochs_runs_and_streams_have_other_crops():
    actual = [
        epoch.crop.tobytes()
        for changes in ({}, {"run": 1}, {"seed": 1}, {"stream": "/distilled"})
        for epoch in _epochs(np.arange(64), augment="pad_crop_flip", **changes)
    ]
    assert len(set(actual)) == 12


def test_plans_are_the_same_as_in_earlier_versions():
    # Changing these numbers changes every run ever trained.
    epoch = _epochs(augment="pad_crop_flip")[1]
    assert epoch.index.tolist() == [[377, 13, 55, 21], [8, 3, 233, 89]]
    assert epoch.crop[0].tolist() == [[1, 6], [4, 5], [4, 1], [7, 2]]
    assert epoch.flip.tolist() == [[False, False, True, False], [True, False, False, False]]


def test_longer_training_begins_with_the_same_epochs():
    short, long = _epochs(num_epochs=2), _epochs(num_epochs=5)
    for a, b in zip(short, long, strict=False):
        np.testing.assert_array_equal(a.index, b.index)


def test_augmentation_does_not_change_the_order():
    for a, b in zip(_epochs(), _epochs(augment="pad_crop_flip"), strict=True):
        np.testing.assert_array_equal(a.index, b.index)


def test_rates_are_float32():
    for number, epoch in enumerate(_epochs(num_epochs=3)):
        assert epoch.rate.dtype == np.float32
        np.testing.assert_array_equal(epoch.rate, [2 * number, 2 * number + 1])


def test_all_81_offsets_and_both_flips_occur_equally_often():
    epochs = _epochs(np.arange(3000), batch_size=3000, num_epochs=3, augment="pad_crop_flip")
    crop = np.concatenate([e.crop.reshape(-1, 2) for e in epochs]).astype(int)
    flip = np.concatenate([e.flip.ravel() for e in epochs])
    counts = np.bincount(crop[:, 0] * 9 + crop[:, 1], minlength=81)
    assert counts.size == 81
    expected = len(crop) / 81
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
    assert flip.mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(len(flip)))
    for axis in (0, 1):
        assert abs(np.corrcoef(crop[:, axis], flip)[0, 1]) < 5 / np.sqrt(len(flip))


def test_crops_and_flips_have_the_documented_types():
    epoch = _epochs(augment="pad_crop_flip")[0]
    assert epoch.crop.shape == (2, 4, 2) and epoch.crop.dtype == np.uint8
    assert epoch.flip.shape == (2, 4) and epoch.flip.dtype == bool


def test_no_augmentation_is_the_unshifted_unflipped_image():
    for epoch in _epochs(augment="none"):
        assert epoch.crop.shape == (2, 4, 2) and epoch.crop.dtype == np.uint8
        assert (epoch.crop == PAD).all()
        assert epoch.flip.shape == (2, 4) and not epoch.flip.any()


def test_boxes_have_the_documented_areas_and_ratios_and_lie_in_the_image():
    epochs = _epochs(np.arange(3000), batch_size=3000, num_epochs=3, augment="random_resized_crop")
    top, left, height, width = np.concatenate([e.draws.reshape(-1, 4) for e in epochs]).T
    assert min(top.min(), left.min()) >= 0
    assert max((top + height).max(), (left + width).max()) <= 1 + 1e-6
    is_whole = (height < 1) & (width < 1)  # A longer side would have been clipped.
    area, ratio = (height * width)[is_whole], (width / height)[is_whole]
    assert 0.08 - 1e-6 <= area.min() < 0.1
    assert 3 / 4 - 1e-3 <= ratio.min() < 0.76 and 1.32 < ratio.max() <= 4 / 3 + 1e-3
    assert all((e.crop == 0).all() and 0.4 < e.flip.mean() < 0.6 for e in epochs)


def test_mixtures_share_one_draw_in_a_batch_and_keep_crops_and_flips():
    plain = _epochs(np.arange(400), batch_size=4, num_epochs=3, augment="pad_crop_flip")
    shares, areas = [], []
    for augment, values in (("mixup", shares), ("cutmix", areas)):
        epochs = _epochs(np.arange(400), batch_size=4, num_epochs=3, augment=augment)
        for mixed, epoch in zip(epochs, plain, strict=True):
            np.testing.assert_array_equal(mixed.crop, epoch.crop)
            np.testing.assert_array_equal(mixed.flip, epoch.flip)
            assert (mixed.draws == mixed.draws[:, :1]).all()
            values.append(mixed.draws[:, 0])
    shares = np.concatenate(shares)[:, 0]
    assert len(np.unique(shares)) == 300
    assert abs(shares.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 300)
    top, left, bottom, right = np.concatenate(areas).T
    assert (top >= 0).all() and (top <= bottom).all() and (bottom <= 1).all()
    # E[(s - s^2 / 4)^2] of a square of side s, s^2 uniform, with a uniform center.
    assert abs(((bottom - top) * (right - left)).mean() - 0.321) < 0.06


def test_two_operations_of_rand_augment_are_drawn_per_example_beside_crops_and_flips():
    plain = _epochs(np.arange(4000), batch_size=4000, num_epochs=2, augment="pad_crop_flip")
    epochs = _epochs(np.arange(4000), batch_size=4000, num_epochs=2, augment="rand_augment")
    for epoch, other in zip(epochs, plain, strict=True):
        np.testing.assert_array_equal(epoch.crop, other.crop)
        np.testing.assert_array_equal(epoch.flip, other.flip)
    draws = np.concatenate([epoch.draws.reshape(-1, 2, 2) for epoch in epochs])
    operation, magnitude = draws[..., 0].astype(int), draws[..., 1]
    counts = np.bincount(operation[:, 0] * 14 + operation[:, 1], minlength=196)
    assert counts.size == 196
    assert np.abs(counts - 8000 / 196).max() < 5 * np.sqrt(8000 / 196)
    np.testing.assert_allclose(np.abs(magnitude), 0.9, rtol=1e-6)
    assert np.abs((magnitude > 0).mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(8000)


def test_unknown_augmentation_lists_the_valid_ones():
    with pytest.raises(InputError, match="^training.augment: .*none, pad_crop_flip.*'mix'$"):
        _epochs(augment="mix")


def test_importing_plans_imports_only_numpy():
    code = "import sys, memkit.training.plan; print(*sys.modules)"
    actual = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in actual.stdout.split()}
    heavy = {"tensorflow", "keras", "jax", "ml_collections", "absl", "sklearn", "altair", "PIL"}
    assert not loaded & heavy
    assert "numpy" in loaded


def _paired(left_out=(), **changes):
    """Returns the plans of a run that leaves something out of the first 22 examples."""
    rates = np.ones((40, 5))
    arguments = dict(batch_size=4, augment="pad_crop_flip", pad=PAD, seed=0, run=0) | changes
    return list(plan.epochs(np.arange(22), left_out=left_out, rates=rates, **arguments))


def test_run_that_leaves_out_an_example_has_the_other_batches_and_crops():
    num_changed = 0
    for whole, without in zip(_paired(), _paired([6]), strict=True):
        changed = whole.index != without.index
        np.testing.assert_array_equal(changed, whole.index == 6)
        np.testing.assert_array_equal(whole.crop, without.crop)
        np.testing.assert_array_equal(whole.flip, without.flip)
        assert len(np.unique(without.index)) == without.index.size
        num_changed += np.count_nonzero(changed)
    assert 30 < num_changed < 40


def test_examples_left_over_take_the_places_of_those_left_out():
    for whole, without in zip(_paired(), _paired([6, 7]), strict=True):
        assert not np.isin(without.index, [6, 7]).any()
        changed = whole.index != without.index
        np.testing.assert_array_equal(changed, np.isin(whole.index, [6, 7]))
        assert not np.isin(without.index[changed], whole.index).any()
        assert len(np.unique(without.index)) == without.index.size


def test_without_an_example_every_order_of_the_others_is_as_likely():
    rates, counts = np.ones((6000, 1)), {}
    plans = plan.epochs(
        np.arange(4), left_out=[1], batch_size=2, rates=rates, augment="none", pad=0, seed=0, run=0
    )
    for epoch in plans:
        pair = tuple(epoch.index[0].tolist())
        counts[pair] = counts.get(pair, 0) + 1
    assert sorted(counts) == [(0, 2), (0, 3), (2, 0), (2, 3), (3, 0), (3, 2)]
    assert max(abs(count - 1000) for count in counts.values()) < 5 * np.sqrt(1000 * 5 / 6)
