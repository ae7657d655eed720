"""Studies that exist only while a benchmark runs; they train what `memkit run` would."""

import dataclasses

from memkit import storage, studies
from memkit.training import images

_CONSTANT_RATE = dict(name="step", peak=0.1, warmup_epochs=0.0, milestones=[], factor=0.1)
_TRAINING = dict(pad=4, data_parallel=1, sync_batch_norm=True, batch_norm="one_pass")
_SGD = dict(name="sgd", momentum=0.9, nesterov=False, weight_decay=0.0, decay_all=False)
_FIXED = {
    "seed": 0,
    "labels": dict(planted_fraction=0.0, noise="symmetric", class_map=[], file=""),
    "distillation": dict(teacher="same", weight=1.0, temperature=3.0, scale=True),
    "record": dict(all_probs=False, history_runs=0),
    "series": ["one_hot"],
    "axis": dict(field="", values=[]),
    "report": {},
}


def config(
    *,
    dataset,
    model,
    num_runs,
    epochs,
    batch_size,
    schedule=None,
    optimizer=None,
    augment="none",
    precision="float32",
):
    """Returns the config of a study of one point, as nested plain values.

    Args:
      dataset: section of the config, with mean and std.
      model: section of the config.
      num_runs: runs of the design, of 70% of the examples each.
      epochs: of each run.
      batch_size: examples in a batch.
      schedule: section of the config; default a constant rate of 0.1.
      optimizer: what differs from momentum 0.9 without decay.
      augment: a name of `recipe.AUGMENTATIONS`.
      precision: "float32" or "bfloat16".
    """
    training = dict(epochs=epochs, batch_size=batch_size, augment=augment, precision=precision)
    return _FIXED | {
        "dataset": dataset | {"resident": True},
        "subsets": dict(design="balanced", train_fraction=0.7, num_runs=num_runs),
        "model": model,
        "optimizer": _SGD | (optimizer or {}),
        "schedule": schedule or _CONSTANT_RATE,
        "training": training | _TRAINING,
    }


def made_up(*, size, channels, num_train, num_test=10, num_classes=10):
    """Returns the `dataset` section for made-up images."""
    return dict(
        name="made_up",
        mean=[0.5] * channels,
        std=[0.25] * channels,
        image_size=size,
        channels=channels,
        num_classes=num_classes,
        num_train=num_train,
        num_test=num_test,
    )


def draft(a_config, workdir=None):
    """Returns (Study, its one Point); records would go to the workdir, nothing else is written."""
    study = studies.draft(a_config, images.load_dataset(a_config))
    if workdir is not None:
        study = dataclasses.replace(study, workdir=storage.path(workdir))
    return study, study.points[0]


def train(study, point, runs, runner):
    """Trains runs of a study and keeps their records if it has a workdir; returns how many."""
    for run, arrays, info in runner.train_runs(study, point, list(runs)):
        if study.workdir is not None:
            studies.write_record(study, point, run, arrays, info)
    return len(runs)
