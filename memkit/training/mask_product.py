"""The matrix product of the influence estimate, on an accelerator if JAX can use one."""

from collections.abc import Callable

import numpy as np

from memkit.estimators.top_influences import numpy_product
from memkit.training import devices, installation
from memkit.typing import BoolArray, FloatArray

# With fewer multiplications NumPy finishes before JAX has started.
_MIN_MULTIPLICATIONS = 10**12


def choose(
    num_runs: int, num_train: int, num_test: int
) -> tuple[Callable[[FloatArray], Callable[[BoolArray], FloatArray]], str]:
    """Returns (product, its name) for `estimators.strongest`: JAX on a GPU or TPU, else NumPy.

    JAX is imported only if it is chosen.

    Args:
      num_runs, num_train, num_test: sizes of the product.
    """
    if num_runs * num_train * num_test < _MIN_MULTIPLICATIONS:
        return numpy_product, "NumPy"
    usable = installation.usable("jax")
    for kind, devices_of_kind in devices.visible().items():
        if devices_of_kind and kind in usable:
            return jax_product, f"JAX on {devices_of_kind[0]}"
    return numpy_product, "NumPy"


def jax_product(outcome: FloatArray) -> Callable[[BoolArray], FloatArray]:
    """Returns the same function as `numpy_product`, on JAX's default device, in full float32."""
    import jax

    outcome_on_device = jax.device_put(outcome)

    @jax.jit
    def in_sum(train_mask: jax.Array) -> jax.Array:
        masks = train_mask.T.astype(np.float32)
        return jax.numpy.matmul(masks, outcome_on_device, precision=jax.lax.Precision.HIGHEST)

    return lambda train_mask: np.asarray(in_sum(np.ascontiguousarray(train_mask)))
