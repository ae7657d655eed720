import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_digits

from benchmarks import rare_or_wrong, rare_worlds
from benchmarks.rare_or_wrong import Audited
from memkit.estimators import audit
from memkit.estimators.audit import Audit, Votes


@pytest.fixture(scope="module")
def world():
    return rare_worlds.world("", 3)


def test_a_world_has_a_group_of_each_size_and_kind_whose_members_share_a_class(world):
    for kind in rare_worlds.KINDS:
        sizes = (4,) if kind == "inverted" else rare_worlds.SIZES
        for size in sizes:
            members = (world.rare == kind) & (world.size == size)
            assert members.sum() == size
            assert len(set(world.true[members].tolist())) == 1
    assert (world.size > 0).sum() == (world.rare != "").sum() == 64


def test_five_percent_of_the_labels_are_wrong_and_none_in_a_group(world):
    assert world.is_wrong.sum() == round(0.05 * 1437)
    assert not (world.is_wrong & (world.size > 0)).any()


def test_only_images_of_groups_differ_from_the_source(world):
    source = {image.tobytes() for image in (load_digits().images * 255 / 16).astype(np.uint8)}
    images = world.train_images
    is_gray = (images == images[..., :1]).all(axis=(1, 2, 3))
    known = np.array([image[..., 0].tobytes() in source for image in images]) & is_gray
    assert known[world.size == 0].all() and not known[world.size > 0].any()


def test_a_seed_draws_the_same_world_again_and_none_without_rare_groups(world):
    again = rare_worlds.world("", 3)
    np.testing.assert_equal(vars(again), vars(world))
    assert not rare_worlds.world("", 3, rare=False).size.any()


def _audited(seed):
    rng = np.random.default_rng(seed)
    world = rare_worlds.world("", seed)
    count = len(world.given)
    rarity = np.where(rng.random(count) < 0.1, np.nan, rng.integers(0, 20, count) / 20)
    counted = Votes(*np.zeros((4, count), int))
    kind = rng.choice([audit.MISLABELED, audit.RARE, audit.UNSUSPECTED], count)
    return Audited(world, Audit(kind, rarity, None, rarity, counted))


def test_separation_is_the_area_under_the_curve_of_all_worlds_together():
    worlds = [_audited(seed) for seed in range(3)]
    compared = [each.is_rare | each.world.is_wrong for each in worlds]
    truth = np.concatenate([w.is_rare[c] for w, c in zip(worlds, compared)])
    rarity = np.concatenate(
        [
            np.where(w.is_suspect, np.nan_to_num(w.audit.rarity, nan=1), 1)[c]
            for w, c in zip(worlds, compared)
        ]
    )
    value, low, high = (
        float(part.strip("()"))
        for part in rare_or_wrong.separation(worlds, compared).replace("to", "").split()
    )
    assert value == pytest.approx(metrics.roc_auc_score(truth, rarity), abs=6e-4)
    assert low < value < high
    assert rare_or_wrong.separation(worlds, [w.is_rare for w in worlds]) == "-"


@pytest.mark.slow
def test_a_short_benchmark_prints_a_row_per_kind_and_size():
    command = [sys.executable, "-m", "benchmarks.rare_or_wrong"]
    arguments = ["--worlds=1", "--runs=20", "--epochs=2"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for row in (*rare_worlds.KINDS, "groups of 1", "votes alone", "without rare images"):
        assert f"\n{row} " in done.stdout
