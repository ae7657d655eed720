"""The bits of a study do not depend on keras.json and variables of the user's machine."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

STRANGE = {
    "floatx": "float16",
    "epsilon": 0.01,
    "backend": "torch",
    "image_data_format": "channels_first",
    "nnx_enabled": True,
}

TRAIN = """
import hashlib, sys
import numpy as np
from memkit import models, seeds
from memkit.models.initial_values import initial_values
from memkit.training import engines

engine, name = sys.argv[1:]
setup = engines.Setup(engine=engine)
engines.load(engine).configure(setup)
options = {} if ":" in name else dict(depth=8, width=2)
if ":" in name:
    models.allow([name])
rng = seeds.stream(0, "test")
images = rng.integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
labels = rng.integers(0, 3, 24).astype(np.int32)
blueprint = engines.Blueprint(
    build=lambda: models.build(name, input_shape=(8, 8, 3), num_classes=3, **options),
    mean=(0.5,) * 3, std=(0.3,) * 3, pad=2, eval_batch=8,
    optimizer=dict(name="sgd", momentum=0.9, nesterov=True, weight_decay=1e-3, decay_all=False),
)
program = engines.compile_program(
    blueprint, setup=setup, images=images, labels=labels, resident=True
)
program.reset([lambda model: initial_values(model, seed=0, purpose="init", run=0)])
from memkit.training import plan
epochs = plan.epochs(
    np.arange(16), batch_size=4, rates=np.full((1, 4), 0.1, np.float32), augment="pad_crop_flip",
    pad=2, seed=0, run=0, stream="",
)
program.train([next(iter(epochs))])
(evaluation,) = program.evaluate()
print(hashlib.sha256(evaluation.logits.tobytes()).hexdigest())
"""

OWN = """
import keras

def build(input_shape, num_classes):
    images = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, name="conv")(images)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, keras.layers.Dense(num_classes, name="logits")(x))
"""


def trained(folder, engine, name, **variables):
    """Returns what a process prints that trains an epoch with a keras.json in `folder`."""
    (folder / "own_model.py").write_text(OWN)
    paths = [str(folder), os.getcwd()]
    environment = {"KERAS_HOME": str(folder), "PYTHONPATH": os.pathsep.join(paths), **variables}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, engine, name],
        env=os.environ | {"NPROC": "1"} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
@pytest.mark.parametrize("name", ["resnet", "own_model:build"])
def test_the_bits_do_not_depend_on_keras_json_or_environment_variables(tmp_path, engine, name):
    for folder in ("plain", "strange"):
        (tmp_path / folder).mkdir()
    (tmp_path / "strange" / "keras.json").write_text(json.dumps(STRANGE))
    plain = trained(tmp_path / "plain", engine, name)
    assert len(plain) == len(hashlib.sha256().hexdigest())
    variables = {"KERAS_BACKEND": "torch", "JAX_ENABLE_X64": "1", "KERAS_NNX_ENABLED": "1"}
    assert trained(tmp_path / "strange", engine, name, **variables) == plain


@pytest.mark.slow
def test_a_users_model_is_imported_with_any_backend_in_keras_json(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps(STRANGE))
    (tmp_path / "own_model.py").write_text(OWN)
    code = "from memkit import models; models.allow(['own_model:build']); "
    code += "models.check('own_model:build')"
    paths = [str(tmp_path), os.getcwd()]
    environment = {"KERAS_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(paths)}
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=inherited | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
