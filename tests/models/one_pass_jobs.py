"""Both batch normalizations on the same values: python one_pass_jobs.py ENGINE FILE.npz.

Writes {case}/{layer}/{what}: outputs, gradients by inputs, gamma and beta, and moving statistics
after two batches, of Keras's layer, of the one-pass layer and, by TensorFlow, of Keras's layer in
float64.
"""

import os
import sys

ENGINE, TARGET = sys.argv[1:]
os.environ["KERAS_BACKEND"] = ENGINE

import keras  # noqa: E402
import numpy as np  # noqa: E402

from memkit.models import one_pass  # noqa: E402

IMAGES, ROWS = (6, 5, 4, 3), (24, 3)
# name -> (shape of the inputs, means of the channels in standard deviations, moving mean before the
# first batch as a multiple of the mean, type, options)
CASES = {
    "images": (IMAGES, 0.5, 0, "float32", {}),
    "far": (IMAGES, 30, 0, "float32", {}),
    "far_later": (IMAGES, 1000, 0.999, "float32", {}),
    "rows": (ROWS, 0.5, 0, "float32", {}),
    "plain": (IMAGES, 0.5, 0, "float32", {"scale": False, "center": False}),
    "single": ((1, 1, 1, 3), 0.5, 0, "float32", {}),
    "bfloat16": (IMAGES, 0.5, 0, "mixed_bfloat16", {}),
}
STDS = np.array([1, 2, 3])
# name -> type, if it is not that of the case. JAX has no float64 unless it is switched on.
LAYERS = {"keras": "", "one_pass": ""} | (
    {"reference": "float64"} if ENGINE == "tensorflow" else {}
)


def gradients(model, inputs, weights):
    """Returns (outputs, gradients of the weighted sum of the outputs by inputs and variables)."""
    if ENGINE == "tensorflow":
        import tensorflow as tf

        inputs = tf.convert_to_tensor(inputs)
        variables = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = model(inputs, training=True)
            total = tf.reduce_sum(tf.cast(outputs, weights.dtype) * weights)
        return outputs, tape.gradient(total, [inputs, *variables])
    import jax

    fixed = [variable.value for variable in model.non_trainable_variables]

    def weighted(inputs, values):
        outputs, state = model.stateless_call(values, fixed, inputs, training=True)
        return (outputs.astype(weights.dtype) * weights).sum(), (outputs, state)

    values = [variable.value for variable in model.trainable_variables]
    (of_inputs, of_values), (outputs, state) = jax.grad(weighted, (0, 1), has_aux=True)(
        inputs, values
    )
    for variable, value in zip(model.non_trainable_variables, state, strict=True):
        variable.assign(value)
    return outputs, [of_inputs, *of_values]


def compute(case, layer):
    """Yields (what, array) of a layer on two batches of a case."""
    shape, mean, share, case_dtype, options = CASES[case]
    dtype, compute_dtype = LAYERS[layer] or case_dtype, keras.DTypePolicy(case_dtype).compute_dtype
    rng = np.random.default_rng(5)
    model = keras.Sequential(
        [
            keras.Input(shape[1:]),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype, **options),
        ]
    )
    if layer == "one_pass":
        one_pass.use(model)
        assert isinstance(model.layers[0], one_pass.OnePassBatchNormalization)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(1, 0.3, variable.shape))
    model.layers[0].moving_mean.assign(share * mean * STDS)
    for batch in range(2):
        inputs = mean * STDS + rng.normal(size=shape) * STDS
        weights = rng.normal(size=shape)
        # All layers see the values that the inputs have in the type of the case.
        inputs = keras.ops.cast(inputs, compute_dtype)
        wide = "float64" if layer == "reference" else "float32"
        outputs, found = gradients(
            model, keras.ops.cast(inputs, model.layers[0].compute_dtype), weights.astype(wide)
        )
        names = ("inputs", *(variable.name for variable in model.trainable_variables))
        for name, array in zip(names, found, strict=True):
            yield f"gradient_{name}_{batch}", array
        yield f"outputs_{batch}", outputs
    for variable in model.non_trainable_variables:
        yield variable.name, variable.value
    yield "inference", model(keras.ops.cast(inputs, model.layers[0].compute_dtype), training=False)


arrays = {
    f"{case}/{layer}/{what}": np.asarray(keras.ops.cast(array, "float64"))
    for case in CASES
    for layer in LAYERS
    for what, array in compute(case, layer)
}
np.savez(TARGET, **arrays)
