"""Many small perceptrons on digits, for benchmarks of designs: batches, training and outcomes."""

import functools
import os

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

from memkit import seeds

PLANTED = 0.08
_PACK = 200  # runs trained at a time


def digits(count, draw=0):
    """Returns images [n, 64] float32 and labels [n] int of digits, 8% of them flipped."""
    rng = seeds.stream(draw, "benchmarks/perceptrons")
    source = load_digits()
    rows = rng.permutation(len(source.target))[:count]
    images, labels = source.data[rows].astype(np.float32) / 16, source.target[rows]
    flipped = rng.choice(count, round(PLANTED * count), replace=False)
    labels[flipped] = (labels[flipped] + rng.integers(1, 10, len(flipped))) % 10
    return images - images.mean(axis=0), labels


def initial(seed, hidden):
    """Returns the initial values of a perceptron with one hidden layer."""
    rng = seeds.stream(seed, "init")
    return {
        "w1": rng.normal(0, np.sqrt(2 / 64), (64, hidden)).astype(np.float32),
        "b1": np.zeros(hidden, np.float32),
        "scale": np.ones(hidden, np.float32),
        "w2": rng.normal(0, np.sqrt(1 / hidden), (hidden, 10)).astype(np.float32),
        "b2": np.zeros(10, np.float32),
    }


def _logits(weights, x, moments, has_norm):
    hidden = x @ weights["w1"]
    moments = (hidden.mean(axis=0), hidden.var(axis=0)) if moments is None else moments
    if has_norm:
        hidden = (hidden - moments[0]) * weights["scale"] / jnp.sqrt(moments[1] + 1e-3)
    return jax.nn.relu(hidden + weights["b1"]) @ weights["w2"] + weights["b2"], moments


def outcomes(images, labels, starts, batches, masked=None, *, has_norm=False):
    """Trains R perceptrons; returns their outcomes on all examples.

    Args:
      images: [N, 64] float32.
      labels: [N] int.
      starts: R initial values.
      batches: [R, T, B] int, rows of the examples.
      masked: [R] int, an example whose loss has weight zero; None for none.
      has_norm: whether the hidden layer has batch normalization.

    Returns:
      (probabilities of the labels [R, N] float64, whether they are predicted [R, N] bool).
    """
    masked = np.full(len(batches), -1) if masked is None else masked
    train = _program(batches.shape[1], has_norm)
    probs, corrects = [], []
    for first in range(0, len(batches), _PACK):
        runs = slice(first, first + _PACK)
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *starts[runs])
        prob, correct = train(images, labels, stacked, batches[runs], masked[runs])
        probs.append(np.asarray(prob, np.float64))
        corrects.append(np.asarray(correct))
    return np.concatenate(probs), np.concatenate(corrects)


@functools.cache
def _program(num_steps, has_norm):
    """Returns the compiled function of (images, labels, R initial values, batches, masked)."""

    def loss(weights, index, weight, images, labels):
        values, moments = _logits(weights, images[index], None, has_norm)
        each = -jnp.take_along_axis(jax.nn.log_softmax(values), labels[index][:, None], 1)[:, 0]
        return (each * weight).sum() / weight.sum(), moments

    def train(images, labels, weights, index, masked):
        def step(carry, now):
            weights, speed, moments = carry
            rows, t = now
            rate = 0.1 * 0.5 * (1 + jnp.cos(jnp.pi * t / num_steps))
            kept = 1.0 * (rows != masked)
            gradient, new = jax.grad(loss, has_aux=True)(weights, rows, kept, images, labels)
            speed = jax.tree.map(lambda v, g: 0.9 * v - rate * g, speed, gradient)
            weights = jax.tree.map(jnp.add, weights, speed)
            moments = jax.tree.map(lambda old, seen: 0.9 * old + 0.1 * seen, moments, new)
            return (weights, speed, moments), None

        start = (weights, jax.tree.map(jnp.zeros_like, weights), (0 * weights["b1"],) * 2)
        (weights, _, moments), _ = jax.lax.scan(step, start, (index, jnp.arange(num_steps)))
        values, _ = _logits(weights, images, moments, has_norm)
        prob = jnp.take_along_axis(jax.nn.softmax(values), labels[:, None], 1)[:, 0]
        return prob, values.argmax(axis=1) == labels

    return jax.jit(jax.vmap(train, in_axes=(None, None, 0, 0, 0)))


def paired_batches(pairing, seed, *, num_examples, num_epochs, batch_size):
    """Returns the batches of a run on all examples and of runs that leave one example out each.

    Args:
      pairing: see `benchmarks.pairing`.

    Returns:
      (full [T, B], left_out [N, T, B]), rows of the examples.
    """
    used = (num_examples - 1) // batch_size * batch_size
    full, left_out = [], []
    for epoch in range(num_epochs):
        order = seeds.stream(seed, "order", epoch).permutation(num_examples)
        full.append(order[:used])
        rows = np.tile(order, (num_examples, 1))
        for example, row in enumerate(rows):
            place = np.flatnonzero(row == example)[0]
            if pairing == "replaced" and place < used:
                row[place] = row[used]
            elif pairing == "shifted":
                row[place:-1] = row[place + 1 :]
            elif pairing in ("reordered", "independent"):
                number = seed + 1000 * (pairing == "independent")
                rng = seeds.stream(number, "order", epoch)
                others = np.delete(np.arange(num_examples), example)
                row[:-1] = others[rng.permutation(num_examples - 1)]
        left_out.append(rows[:, :used])
    full = np.concatenate(full).reshape(-1, batch_size)
    return full, np.concatenate(left_out, axis=1).reshape(num_examples, -1, batch_size)
