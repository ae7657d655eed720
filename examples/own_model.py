"""A study of a Keras model of your own, on scikit-learn's digits.

  python examples/own_model.py [--num_runs=60] [--epochs=20]

A model is a function of `input_shape` and `num_classes` that returns a Keras model of logits. A
config names it as `module:function`, here `own_model:build`, so the module must be importable.
"""

import argparse
import tempfile

import keras
from memkit.configs import digits_width

from memkit import analysis, models, studies
from memkit.studies import checks
from memkit.training import engines
from memkit.training.images import load_dataset
from memkit.training.runner import Runner


def build(*, input_shape: tuple[int, ...], num_classes: int, units: int) -> keras.Model:
    """Returns a perceptron with batch normalization."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten(name="flatten")(inputs)
    x = keras.layers.Dense(units, use_bias=False, name="hidden")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    outputs = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs)


def main(num_runs: int, epochs: int) -> None:
    config = digits_width.get_config().to_dict()
    config["model"] = {"name": "own_model:build", "units": 16}
    config["axis"] = {"field": "model.units", "values": (4, 64)}
    config["subsets"]["num_runs"] = num_runs
    config["training"] |= {"epochs": epochs, "augment": "none"}
    models.allow(["own_model:build"])  # The command line's --config does the same.
    checks.check(config)

    runner = Runner(engines.Setup())
    runner.configure()
    with tempfile.TemporaryDirectory() as workdir:
        study = studies.open_or_create(workdir, config, load_dataset(config))
        for point in study.points:
            for run, arrays, info in runner.train_runs(study, point, range(num_runs)):
                studies.write_record(study, point, run, arrays, info)
        print(analysis.table(analysis.estimate(study)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num_runs", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=20)
    main(**vars(parser.parse_args()))
