"""Fixtures that several folders share: a small data set, and configs of studies on it."""

import copy
import os
import shutil
import signal
import sys
import types

# One thread gives the same bits whatever else the machine does; it must be set before the engine.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import sklearn.datasets

from memkit import data
from memkit.analysis.proxies import estimate as proxies
from memkit.data.dataset import ImageDataset
from tests import commands, once

# Tests that a shell started in the background, or under nohup, ignore these, and so would every
# process that they start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

NUM_TRAIN, NUM_TEST = 60, 21

# The one limit of time: it ends a test that would never end, and no machine is too slow for it.
HANGS = 3600  # seconds for a test with the fixtures that it is the first to need

# Files whose slow tests share no expensive fixture: with `--dist loadgroup`, they are spread over
# the workers. The tests of any other file stay together, so that its fixtures are made once.
SPREAD = ("test_commands.py", "test_examples.py", "test_run.py", "test_faults.py", "test_system.py")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_CONFIG = {
    "seed": 3,
    "dataset": {"name": "tiny", "mean": [0.3], "std": [0.37], "resident": True},
    "labels": {
        "planted_fraction": 0.1,
        "noise": "symmetric",
        "class_map": [],
        "file": "",
    },
    "subsets": {"design": "balanced", "train_fraction": 0.5, "num_runs": 20},
    "model": {"name": "resnet", "depth": 8, "width": 1},
    "optimizer": {
        "name": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-4,
        "decay_all": False,
    },
    "schedule": {"name": "cosine", "peak": 0.1, "warmup_epochs": 1.0},
    "training": {
        "epochs": 3,
        "batch_size": 8,
        "augment": "none",
        "pad": 4,
        "precision": "float32",
        "data_parallel": 1,
        "label_smoothing": 0.0,
        "until_accuracy": 0.0,
        "sync_batch_norm": True,
    },
    "distillation": {"teacher": "same", "weight": 1.0, "temperature": 3.0, "scale": False},
    "record": {"ntk": False, "all_probs": False, "history_runs": 0},
    "series": ["one_hot"],
    "axis": {"field": "model.width", "values": [1, 2]},
    "report": {"title": "Tiny", "min_influence": 0.15, "min_memorization": 0.25, "top_k": 3},
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Fails a test that hangs, so that nothing in a test needs a limit of its own."""

    def fail(*_):
        pytest.fail(f"{item.nodeid} still ran after {HANGS} s")

    signal.signal(signal.SIGALRM, fail)
    signal.alarm(HANGS)
    try:
        return (yield)
    finally:
        signal.alarm(0)


@pytest.fixture
def make_config():
    """Returns a function (changes={"section.field": value}) -> config of a small study.

    A change of a whole section replaces it.
    """

    def make(changes=()):
        config = copy.deepcopy(_CONFIG)
        for field, value in dict(changes).items():
            section, _, name = field.partition(".")
            if name:
                config[section][name] = value
            else:
                config[section] = value
        return config

    return make


@pytest.fixture
def mlp_config(make_config):
    """Returns the same function for a study of one perceptron, which trains in a blink."""

    def make(changes=()):
        perceptron = {
            "model": {"name": "mlp", "hidden": [16]},
            "axis": {"field": "", "values": []},
        }
        return make_config(perceptron | dict(changes))

    return make


def _small_digits():
    digits = sklearn.datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int32)
    ids = np.array([f"d{i}" for i in range(len(labels))])
    train, test = slice(0, NUM_TRAIN), slice(NUM_TRAIN, NUM_TRAIN + NUM_TEST)
    return ImageDataset(
        train_images=images[train],
        train_labels=labels[train],
        train_ids=ids[train],
        test_images=images[test],
        test_labels=labels[test],
        test_ids=ids[test],
        class_names=tuple("0123456789"),
    )


@pytest.fixture
def register(monkeypatch):
    """Returns a function that makes a data set load under the name "tiny"."""

    def install(dataset):
        module = types.ModuleType("memkit_tests_tiny")
        module.load = lambda: dataset
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(data.SOURCES, "tiny", module.__name__)
        return dataset

    return install


@pytest.fixture
def tiny(register):
    """The data set "tiny": 60 train and 21 test digits."""
    return register(_small_digits())


@pytest.fixture
def few_splits(monkeypatch):
    """Makes the estimates of proxies faster and less precise."""
    monkeypatch.setattr(proxies, "NUM_SPLITS", 1)


@pytest.fixture(scope="session")
def memkit():
    """Returns a function that runs `memkit ARGS` to its end in a process of its own."""
    runner = commands.Commands()
    yield runner.run
    runner.close()


@pytest.fixture(scope="session")
def smoke_study(memkit, tmp_path_factory):
    """The workdir of the smoke variant of the demo, run whole once for all; tests only read it.

    Its records have the probabilities of all classes.
    """

    def make(folder):
        command = ["run", "--config=digits_width:smoke", "--config.record.all_probs"]
        result = memkit(*command, f"--workdir={folder}")
        assert result.code == 0, result.err

    return once.made(tmp_path_factory, "smoke_study", make)


@pytest.fixture(scope="session")
def browser():
    """Returns a headless Chromium; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"], timeout=0
        )
        yield started
        started.close()


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the groups.
def pytest_collection_modifyitems(items):
    for item in items:
        is_free = item.path.name in SPREAD or item.get_closest_marker("xdist_group")
        if not is_free:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
