"""Packs of runs under JAX, on two CPU devices, beside the same runs one at a time."""

import numpy as np
import pytest

from memkit import data, studies
from tests.sweeps import small_study
from tests.training import jax_jobs, processes, programs

JOB, RECORDS, MANY, CACHED = (
    f"{module.__name__}:{name}"
    for module, name in (
        (programs, "cases"),
        (jax_jobs, "records"),
        (jax_jobs, "many_runs"),
        (jax_jobs, "cached"),
    )
)
TINY = programs.TINY
RESNET = {"name": "resnet", "depth": 8, "width": 2}


def _pack(packing, runs_per_program=3, **setup):
    return {"packing": packing, "runs_per_program": runs_per_program, **setup}


SIX, THREE = [0, 1, 2, 3, 4, 5], [0, 1, 2]
HELD_OUT_OF_0 = int(
    np.intersect1d(
        np.setdiff1d(np.arange(programs.NUM_TRAIN), programs.members(0)), programs.members(1)
    )[0]
)
VMAP = {"model": TINY, "setup": _pack("vmap")}
FAST = {
    "alone": {"model": TINY, "runs": SIX},
    "vmap": VMAP | {"runs": [*THREE, 0, 5, 2, *THREE], "poisoned": 7},
    "inverted": VMAP | {"runs": THREE, "inverted": HELD_OUT_OF_0},
    "map": {"model": TINY, "setup": _pack("map"), "runs": [*THREE, *THREE], "poisoned": 4},
    "devices": {"model": TINY, "setup": _pack("vmap", num_devices=2), "runs": SIX},
    "streamed": {"model": TINY, "runs": THREE, "resident": False},
    "scanned": {"model": TINY, "setup": {"kind": "gpu"}, "runs": THREE},
    "batch 7": {"model": TINY, "runs": [0], "eval_batch": 7},
    "noisy": {"model": programs.NOISY, "runs": THREE, "optimizer": {"name": "adamw"}},
    "noisy by vmap": {
        "model": programs.NOISY,
        "setup": _pack("vmap"),
        "runs": [2, 1, 0],
        "optimizer": {"name": "adamw"},
    },
}
SLOW = {
    "one by map": {"model": TINY, "setup": _pack("map", 1), "runs": THREE},
    "one by vmap": {"model": TINY, "setup": _pack("vmap", 1), "runs": THREE},
    "one per device": {"model": TINY, "setup": {"num_devices": 2}, "runs": SIX},
    "map on devices": {"model": TINY, "setup": _pack("map", num_devices=2), "runs": SIX},
    "streamed on devices": {
        "model": TINY,
        "setup": _pack("vmap", num_devices=2),
        "runs": SIX,
        "resident": False,
    },
    "scanned on devices": {
        "model": TINY,
        "setup": _pack("vmap", kind="gpu", num_devices=2),
        "runs": SIX,
    },
    "scanned by map": {"model": TINY, "setup": _pack("map", kind="gpu"), "runs": THREE},
}
STUDENT = {"model": RESNET, "teacher": TINY}
RESNETS = {
    "alone": STUDENT | {"runs": SIX},
    "packed": STUDENT | {"runs": SIX, "setup": _pack("vmap", kind="gpu", num_devices=2)},
    "remat": STUDENT | {"runs": SIX, "remat": True},
}


def _in_one_process(folder, jobs):
    return processes.start(jobs, engine="jax", folder=folder, num_devices=2)()


@pytest.fixture(scope="module")
def _fast(tmp_path_factory):
    """The outcomes of the one process of all fast tests, and the studies that it trained."""
    folder = tmp_path_factory.mktemp("fast")
    made = _make_studies(folder)
    jobs = {JOB: FAST, MANY: VMAP | {"runs": THREE}, RECORDS: _record_jobs(made)}
    return programs.by_case(_in_one_process(folder, jobs)), made


@pytest.fixture(scope="module")
def fast(_fast):
    return _fast[0]


@pytest.fixture(scope="module")
def made_studies(_fast):
    return _fast[1]


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    jobs = {JOB: SLOW | {"alone": FAST["alone"]}}
    return programs.by_case(_in_one_process(tmp_path_factory.mktemp("slow"), jobs))


def assert_same(actual, expected, positions, *, bits=False):
    """Compares the first runs of a case with those at places of another."""
    assert set(actual) == set(expected)
    for name, array in expected.items():
        first_runs, expected_runs = actual[name][: len(positions)], array[positions]
        if bits:
            np.testing.assert_array_equal(first_runs, expected_runs, err_msg=name)
        else:
            np.testing.assert_allclose(
                first_runs, expected_runs, rtol=1e-5, atol=1e-5, err_msg=name
            )


def differ(actual, expected, position):
    return (actual["loss"][position] != expected["loss"][position]).any()


@pytest.mark.parametrize(
    "case,runs", [("vmap", 3), ("map", 3), ("devices", 6), ("streamed", 3), ("scanned", 3)]
)
def test_a_run_has_the_same_outcomes_in_every_program(fast, case, runs):
    assert_same(fast[case], fast["alone"], list(range(runs)))


def test_runs_with_dropout_draw_the_same_numbers_in_every_program(fast):
    assert_same(fast["noisy by vmap"], fast["noisy"], [2, 1, 0])
    assert differ(fast["noisy"], fast["noisy by vmap"], 0)


def test_streamed_images_give_the_same_bits(fast):
    assert_same(fast["streamed"], fast["alone"], THREE, bits=True)


def test_runs_differ_from_each_other(fast):
    for name in ("loss", "logits", "weights3/0"):
        for run in SIX[1:]:
            assert (fast["alone"][name][0] != fast["alone"][name][run]).any()


def test_other_runs_of_the_pack_change_no_bit_of_a_run(fast):
    first, second = ({k: v[i : i + 3] for k, v in fast["vmap"].items()} for i in (0, 3))
    for name, array in first.items():
        np.testing.assert_array_equal(array[[0, 2]], second[name][[0, 2]], err_msg=name)
    assert differ(first, second, 1)


def test_a_held_out_image_that_another_run_of_the_pack_trains_on_changes_no_bit(fast):
    before, after = fast["vmap"], fast["inverted"]
    other_images = np.delete(np.arange(programs.NUM_TRAIN + programs.NUM_TEST), HELD_OUT_OF_0)
    for name, array in after.items():
        run, expected = array[0], before[name][0]
        if name in ("logits", "logodds"):
            assert (run[HELD_OUT_OF_0] != expected[HELD_OUT_OF_0]).any()
            run, expected = run[other_images], expected[other_images]
        np.testing.assert_array_equal(run, expected, err_msg=name)
    assert differ(before, after, 1)


@pytest.mark.parametrize("case,first", [("vmap", 6), ("map", 3)])
def test_a_run_of_nan_does_not_change_the_others_of_its_pack(fast, case, first):
    for name, array in fast[case].items():
        if name != "correct":
            assert np.isnan(array[first + 1]).any(), name
        for position in (0, 2):
            np.testing.assert_array_equal(array[first + position], array[position], err_msg=name)


def test_evaluation_does_not_depend_on_its_batch(fast):
    for name in ("logits", "logodds"):
        actual, expected = fast["batch 7"][name], fast["alone"][name][:1]
        assert actual.shape[1] == programs.NUM_TRAIN + programs.NUM_TEST
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_memory_does_not_grow_with_the_number_of_runs(fast):
    arrays, memory = fast["arrays"][""], fast["memory"][""]
    assert len(arrays) == 120
    assert len(set(arrays[1:])) == 1
    assert memory[-1] - memory[19] < 16 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("case", SLOW)
def test_a_run_has_the_same_outcomes_in_more_programs(slow, case):
    assert_same(slow[case], slow["alone"], SLOW[case]["runs"])


@pytest.mark.slow
def test_residual_students_packed_or_computed_again_equal_single_ones(tmp_path):
    actual = programs.by_case(_in_one_process(tmp_path, {JOB: RESNETS}))
    assert_same(actual["packed"], actual["alone"], SIX)
    assert_same(actual["remat"], actual["alone"], SIX)


# Records


PACKED = {"packing": "vmap", "runs_per_program": 2, "num_devices": 2}
ARRAYS = ("train_logodds", "test_logodds", "train_correct", "train_predicted", "curve")
DIVERGING, BOTH = 2, ("one_hot", "distilled")
TRAINING = {
    "epochs": 3,
    "batch_size": 4,
    "augment": "pad_crop_flip",
    "pad": 1,
    "precision": "float32",
    "data_parallel": 1,
    "sync_batch_norm": True,
}


def _make_studies(folder):
    """Makes three studies of the same small images; returns their folders by name."""
    dataset, path = small_study.dataset(), folder / "images.npz"
    np.savez(
        path,
        x_train=dataset.train_images,
        y_train=dataset.train_labels,
        x_test=dataset.test_images,
        y_test=dataset.test_labels,
    )
    source = {"name": "npz", "path": str(path), "mean": (0.5,), "std": (0.5,), "resident": True}
    made = {}
    for name, series in (("single", BOTH), ("packed", BOTH), ("lost", BOTH[:1])):
        config = small_study.config(
            dataset=source, series=series, axis={"field": "", "values": ()}, training=TRAINING
        )
        study = studies.open_or_create(folder / name, config, data.load("npz", path=str(path)))
        made[name] = study.workdir
    return made


def _job(workdir, setup, points=("one_hot",), runs=(0, 1, 2, 3, 4), diverging=-1):
    return {
        "workdir": str(workdir),
        "setup": setup,
        "points": points,
        "runs": runs,
        "diverging": diverging,
    }


def _read(workdir, point="one_hot"):
    study = studies.load(workdir)
    actual = studies.read_runs(study, study.point(point), ARRAYS)
    assert actual.problems == {}
    return actual


def _assert_same_records(actual, expected, runs=slice(None)):
    np.testing.assert_array_equal(actual.index, expected.index)
    for name in ARRAYS:
        arrays, expected_arrays = (
            runs_of_study.arrays[name][runs].astype(float) for runs_of_study in (actual, expected)
        )
        np.testing.assert_allclose(arrays, expected_arrays, rtol=2e-3, atol=2e-3, err_msg=name)


def _record_jobs(made):
    return [
        _job(made["single"], {}, BOTH),
        _job(made["packed"], PACKED, BOTH),
        _job(made["lost"], PACKED, diverging=DIVERGING),
    ]


@pytest.mark.parametrize("point", BOTH)
def test_five_runs_in_packs_of_four_write_the_records_of_single_runs(made_studies, point):
    expected, actual = (_read(made_studies[name], point) for name in ("single", "packed"))
    assert actual.index.tolist() == [0, 1, 2, 3, 4]
    assert {info["status"] for info in actual.infos} <= {"done", "collapsed"}
    _assert_same_records(actual, expected)
    assert [info["steps"] for info in actual.infos] == [info["steps"] for info in expected.infos]
    info = actual.infos[0]
    assert (info["engine"], info["device"]) == ("jax", "CPU")
    assert {"jax", "keras", "numpy", "python"} <= set(info["versions"])


def test_teachers_in_a_pack_have_different_weights(made_studies):
    single, packed = "single", "packed"
    weights = {}
    for workdir in (single, packed):
        study = studies.load(made_studies[workdir])
        assert studies.has_weights(study, study.point("one_hot")) == {0, 1, 2, 3, 4}
        weights[workdir] = [
            studies.read_weights(study, study.point("distilled"), m) for m in range(5)
        ]
    for run in range(5):
        for actual, expected in zip(weights[packed][run], weights[single][run], strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
        first_weights = [w[0] for m, w in enumerate(weights[packed]) if m != run]
        assert all((weights[packed][run][0] != other).any() for other in first_weights)


def test_a_diverged_run_is_recorded_and_does_not_change_its_pack(made_studies):
    actual, expected = (_read(made_studies[name]) for name in ("lost", "single"))
    assert [info["status"] == "diverged" for info in actual.infos] == [
        run == DIVERGING for run in range(5)
    ]
    sound = np.arange(5) != DIVERGING
    _assert_same_records(actual, expected, sound)
    curve = actual.arrays["curve"][DIVERGING]
    np.testing.assert_allclose(curve[0], expected.arrays["curve"][DIVERGING][0], rtol=1e-4)
    assert not np.isfinite(curve[1, 0])
    assert np.isnan(curve[2]).all()
    assert actual.infos[DIVERGING]["steps"] == 2 * (21 // 4)


# The cache of compiled programs


@pytest.mark.slow
def test_a_second_process_reuses_compiled_programs(tmp_path):
    folder = tmp_path / "kept"
    environment = {"JAX_COMPILATION_CACHE_DIR": str(folder)}

    def counts():
        jobs = {CACHED: {"model": TINY}}
        start = processes.start(jobs, engine="jax", folder=tmp_path, environment=environment)
        return {name: int(number) for name, number in start().items()}

    first = counts()
    assert first["misses"] >= 2
    assert len(list(folder.iterdir())) >= 2
    second = counts()
    assert second == {"hits": first["hits"] + first["misses"], "misses": 0}
