"""What the device can do at most: its matrix peak and its memory peak, as JAX reaches them."""

import functools
import time

import jax
import jax.numpy as jnp

from memkit import seeds

_REPEATS = 5


def matrix(size, count):
    """Returns FLOP/s of bfloat16 products of random square matrices, the best of a few.

    Args:
      size: rows of the matrices.
      count: products in a call, one after another.
    """
    values = seeds.stream(0, "matrix peak").standard_normal((2, size, size), dtype="float32")
    a, b = jnp.asarray(values, jnp.bfloat16)
    scale = jnp.bfloat16(size**-0.5)  # Values stay near 1, however many products.

    @jax.jit
    def multiply(a, b):
        return jax.lax.fori_loop(0, count, lambda _, product: (product @ b) * scale, a)

    return 2 * size**3 * count / _best(functools.partial(multiply, a, b))


def memory(elements, count):
    """Returns bytes/s read and written by a <- b + s * a on float32 arrays, the best of a few.

    Args:
      elements: of each array; together far more than any cache holds.
      count: passes in a call.
    """
    a, b = jnp.ones(elements), jnp.full(elements, 0.5)

    @jax.jit
    def triad(a, b):
        return jax.lax.fori_loop(0, count, lambda _, value: b + 0.5 * value, a)

    return 3 * 4 * elements * count / _best(functools.partial(triad, a, b))


def _best(call):
    """Returns the seconds of the fastest of a few calls after one that compiles."""
    jax.block_until_ready(call())
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - started)
    return min(seconds)
