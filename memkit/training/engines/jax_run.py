"""One run as pure functions of its state: a training step, an epoch, an evaluation."""

import functools

import jax
import jax.numpy as jnp

from memkit.recipe import OPTIMIZERS
from memkit.training import losses, step


def functions(
    model, teacher, *, image_shape, mean, std, optimizer, pad, distillation=None, axis=None
):
    """Returns (train_step, train_epoch, evaluate).

    train_step: (shared, state, teacher values, batch) -> (state, (objective, rows [B, 3])), the
    rows loss, margin and 0/1 correct of each example before the update. train_epoch: the same on a
    plan with a leading axis of steps. evaluate: ((shared, batch), state) -> (logits [B, C],
    log-odds [B]).

    `shared` holds `labels` [N + T] and, where images are resident, `images` [N + T, H * W * C]
    uint8; else each batch holds `raw` [B, H, W, C]. Images are stored flat because the last axis of
    an array is padded to 128 on a TPU.

    Args:
      model: keras.Model.
      teacher: keras.Model or None.
      image_shape: (height, width, channels).
      mean: normalization, C floats.
      std: normalization, C floats.
      optimizer: keyword arguments of the update rule, with its `name`.
      pad: pixels of padding before crops and flips, or None to leave them out.
      distillation: None, or keyword arguments of `losses.distillation_loss`.
      axis: name of the mesh axis over which slices of a batch are averaged, or None.
    """
    options = dict(optimizer)
    rule = functools.partial(OPTIMIZERS[options.pop("name")], **options)
    names = [f"{place}/{v.path}" for place, v in enumerate(model.trainable_variables)]

    def over_replicas(values):
        return values if axis is None else jax.lax.pmean(values, axis)

    def inputs(shared, batch):
        if "raw" in batch:
            raw = batch["raw"]
        else:
            raw = shared["images"][batch["index"]].reshape(-1, *image_shape)
        return step.normalize(raw, mean=mean, std=std), shared["labels"][batch["index"]]

    def objective(teacher_values, x, logits, y):
        if teacher is None:
            return losses.cross_entropy(logits, y)
        taught, _ = teacher.stateless_call(*_split(teacher, teacher_values), x, training=False)
        return losses.distillation_loss(logits, taught.astype(jnp.float32), y, **distillation)

    def train_step(shared, state, teacher_values, batch):
        x, y = inputs(shared, batch)
        if pad is not None:
            x = step.crop_and_flip(x, batch["crop"], batch["flip"], pad=pad)

        def loss(weights):
            logits, stats = model.stateless_call(weights, state["stats"], x, training=True)
            logits = logits.astype(jnp.float32)
            return objective(teacher_values, x, logits, y).mean(), (logits, stats)

        (value, (logits, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(
            state["weights"]
        )
        named = [
            dict(zip(names, part, strict=True))
            for part in (state["weights"], state["velocity"], over_replicas(gradient))
        ]
        weights, velocity = rule(*named, batch["rate"])
        right = (logits.argmax(-1) == y).astype(jnp.float32)
        rows = (losses.cross_entropy(logits, y), losses.margin(logits, y), right)
        state = {
            "weights": [weights[name] for name in names],
            "velocity": [velocity[name] for name in names],
            "stats": over_replicas(stats),
        }
        return state, (over_replicas(value), jnp.stack(rows, axis=-1))

    def train_epoch(shared, state, teacher_values, plan):
        return jax.lax.scan(lambda s, b: train_step(shared, s, teacher_values, b), state, plan)

    def evaluate(shared_and_batch, state):
        x, y = inputs(*shared_and_batch)
        logits, _ = model.stateless_call(state["weights"], state["stats"], x, training=False)
        logits = logits.astype(jnp.float32)
        return logits, losses.log_odds(logits, y)

    return train_step, train_epoch, evaluate


def initial_state(model, values):
    """Returns the state of a run that starts from values, one array per model variable."""
    weights, stats = _split(model, values)
    return {"weights": weights, "velocity": [0 * w for w in weights], "stats": stats}


def values(model, state):
    """Returns the values of a model's variables, in their order, from the state of a run."""
    weights, stats = iter(state["weights"]), iter(state["stats"])
    return [next(weights) if v.trainable else next(stats) for v in model.variables]


def _split(model, values):
    """Returns (values of the trainable variables, values of the others)."""
    pairs = list(zip(model.variables, values, strict=True))
    trained = [value for variable, value in pairs if variable.trainable]
    return trained, [value for variable, value in pairs if not variable.trainable]
