"""One training run, from data to record, with memkit's own functions.

  python examples/one_run.py [--epochs=24]

`memkit train` does the same for every run of a study, in worker processes.
"""

import argparse

import numpy as np
from memkit.configs import digits_width

from memkit import records, studies
from memkit.studies import checks
from memkit.training import engines, loop, recording
from memkit.training.compiler import Compiler
from memkit.training.images import load_dataset

RUN = 3


def main(epochs: int) -> None:
    config = digits_width.get_config().to_dict()
    config["training"]["epochs"] = epochs
    checks.check(config)

    # The study: a data set, its points (here five widths), and the subset of every run.
    dataset = load_dataset(config)
    study = studies.draft(config, dataset)
    point = study.point("one_hot_width4")
    train_mask = study.train_mask[RUN]
    print(f"run {RUN} of {point.name} trains on {train_mask.sum()} of {len(train_mask)} images")

    # The program: the model of a point, compiled once, which then trains any of its runs.
    setup = engines.Setup()
    engines.load(setup.engine).configure(setup)
    program = Compiler(setup).compile(study, point)

    # Training: initial values, batches and augmentations are drawn from the seed and the run.
    (progress,) = loop.train_pack(program, study, point, [RUN])
    loss, accuracy, _ = progress.curve[-1]
    print(f"last epoch: loss {loss:.3f}, accuracy {accuracy:.3f}")

    # The record: what the trained model predicts for every example, trained on or held out.
    (evaluation,) = program.evaluate()
    arrays = recording.outcome_arrays(evaluation, progress.curve, study)
    correct = np.asarray(arrays["train_correct"])
    print(f"accuracy on its subset {correct[train_mask].mean():.3f}")
    print(f"accuracy on the other images {correct[~train_mask].mean():.3f}")
    print(f"arrays of the record: {', '.join(name for name in records.SCHEMA if name in arrays)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=24)
    main(**vars(parser.parse_args()))
