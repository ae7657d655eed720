"""The matrix product of influence on an accelerator, where there is one that JAX can use."""

import numpy as np

from memkit.estimators.top_influences import numpy_product
from memkit.training import devices, installation

# Below this many multiplications NumPy is done before JAX has started.
_WORTH_IT = 10**12


def choose(num_runs, num_train, num_test):
    """Returns (product, name) for `estimators.strongest`: JAX's on a GPU or TPU, else NumPy's.

    JAX is imported only where it is chosen.

    Args:
      num_runs, num_train, num_test: int, sizes of the product.
    """
    if num_runs * num_train * num_test < _WORTH_IT:
        return numpy_product, "NumPy"
    usable = installation.usable("jax")
    for kind, found in devices.visible().items():
        if found and kind in usable:
            return jax_product, f"JAX on {found[0]}"
    return numpy_product, "NumPy"


def jax_product(outcome):
    """Does what `numpy_product` does, on the device that JAX prefers, in full float32."""
    import jax

    outcome = jax.device_put(outcome)

    @jax.jit
    def in_sum(train_mask):
        held = train_mask.T.astype(np.float32)
        return jax.numpy.matmul(held, outcome, precision=jax.lax.Precision.HIGHEST)

    return lambda train_mask: np.asarray(in_sum(np.ascontiguousarray(train_mask)))
