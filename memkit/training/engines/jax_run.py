"""One run as pure functions of its state: a training step, an epoch, an evaluation."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name

from memkit import optimizers
from memkit.models import residual
from memkit.training import losses, step
from memkit.training.engines import Blueprint
from memkit.typing import Config

if TYPE_CHECKING:
    import keras

_BLOCK = "block"  # The name of the values that remat keeps.

# Arrays by name: images and labels of the data set, a batch, or the lists of arrays of a state.
Arrays: TypeAlias = dict[str, jax.Array]
State: TypeAlias = dict[str, list[jax.Array]]
_Values: TypeAlias = list[jax.Array]


@dataclasses.dataclass(frozen=True, eq=False)
class RunFunctions:
    """The functions of one point that train and evaluate a single run.

    Each takes `shared`, which holds `labels` [N + T] and, if the images are resident, `images`
    [N + T, H * W * C] uint8; otherwise each batch holds `raw` [B, H, W, C]. Images are flat because
    a TPU pads the last axis of an array to 128.

    Attributes:
      rule: UpdateRule of the model's trainable variables.
      image_shape: (height, width, channels).
      axis: name of the mesh axis over which slices of a batch are averaged, or None.
    """

    model: "keras.Model"
    teacher: "keras.Model | None"
    rule: "UpdateRule"
    blueprint: Blueprint
    image_shape: tuple[int, ...]
    axis: str | None = None

    def train_step(
        self, shared: Arrays, state: State, teacher_values: Sequence[jax.Array], batch: Arrays
    ) -> tuple[State, tuple[jax.Array, jax.Array]]:
        """Trains on one batch: a step of an EpochPlan, by the names of its arrays.

        Returns:
          (state, (objective, rows)); the rows [B, 3] hold loss, margin and 0/1 correct of each
          example before the update.
        """
        raw, y = self._inputs(shared, batch)
        x, shares = step.augmented(
            raw,
            batch["crop"],
            batch["flip"],
            batch["draws"],
            name=self.blueprint.augment,
            pad=self.blueprint.pad,
            mean=self.blueprint.mean,
            std=self.blueprint.std,
        )

        def loss(weights: list[jax.Array]) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            logits, stats, penalties = self._forward(weights, state["stats"], x)
            logits = logits.astype(jnp.float32)
            objective = self._objective(teacher_values, x, logits, y, shares).mean()
            return sum(penalties, start=objective), (logits, stats)

        differentiate = jax.value_and_grad(loss, has_aux=True)
        (value, (logits, stats)), gradient = differentiate(state["weights"])
        weights, update_state = self.rule.step(
            state["weights"], state["update_state"], self._mean(gradient), batch["rate"]
        )
        correct = (logits.argmax(-1) == y).astype(jnp.float32)
        rows = (losses.cross_entropy(logits, y), losses.margin(logits, y), correct)
        state = {
            "weights": weights,
            "update_state": update_state,
            "stats": self._mean(stats),
        }
        return state, (self._mean(value), jnp.stack(rows, axis=-1))

    def train_epoch(
        self, shared: Arrays, state: State, teacher_values: Sequence[jax.Array], plan: Arrays
    ) -> tuple[State, tuple[jax.Array, jax.Array]]:
        """Does what `train_step` does for every step of a plan, whose arrays are [T, ...]."""
        return jax.lax.scan(
            lambda s, batch: self.train_step(shared, s, teacher_values, batch), state, plan
        )

    def evaluate(
        self, shared_and_batch: tuple[Arrays, Arrays], state: State
    ) -> tuple[jax.Array, jax.Array]:
        """Returns logits [B, C] and log-odds [B] of one batch."""
        raw, y = self._inputs(*shared_and_batch)
        x = step.normalize(raw, mean=self.blueprint.mean, std=self.blueprint.std)
        logits, _ = self.model.stateless_call(state["weights"], state["stats"], x, training=False)
        logits = logits.astype(jnp.float32)
        return logits, losses.log_odds(logits, y)

    def _inputs(self, shared: Arrays, batch: Arrays) -> tuple[jax.Array, jax.Array]:
        """Returns the images [B, H, W, C] uint8 and labels of a batch."""
        if "raw" in batch:
            raw = batch["raw"]
        else:
            raw = shared["images"][batch["index"]].reshape(-1, *self.image_shape)
        return raw, shared["labels"][batch["index"]]

    def _forward(self, *values: Any) -> tuple[jax.Array, Any, Any]:
        """Returns (logits, stats, penalties) of the model in training."""

        def forward(weights: _Values, stats: _Values, x: jax.Array) -> Any:
            return self.model.stateless_call(weights, stats, x, training=True, return_losses=True)

        if self.blueprint.remat:
            policy = jax.checkpoint_policies.save_only_these_names(_BLOCK)
            forward = jax.checkpoint(forward, policy=policy)
        logits, stats, penalties = forward(*values)
        return logits, stats, penalties

    def _objective(
        self,
        teacher_values: Sequence[jax.Array],
        x: jax.Array,
        logits: jax.Array,
        y: jax.Array,
        shares: jax.Array | None,
    ) -> jax.Array:
        """Returns the loss [B] of a batch."""
        smoothing = self.blueprint.label_smoothing
        loss = losses.label_loss(logits, y, smoothing=smoothing, shares=shares)
        if self.teacher is None:
            return loss
        teacher_weights = _split(self.teacher, teacher_values)
        teacher_logits, _ = self.teacher.stateless_call(*teacher_weights, x, training=False)
        teacher_logits = teacher_logits.astype(jnp.float32)
        return losses.distillation_loss(logits, teacher_logits, loss, **self.blueprint.distillation)

    def _mean(self, values: Any) -> Any:
        """Returns the mean over the devices that share the run."""
        return values if self.axis is None else jax.lax.pmean(values, self.axis)


def mark_blocks(model: "keras.Model") -> None:
    """Gives the outputs of a model's residual blocks the name by which `remat` keeps them."""
    for layer in residual.sums(model):
        layer.call = _named(layer.call)


def _named(call: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    return lambda *args, **options: checkpoint_name(call(*args, **options), _BLOCK)


TrainFunction: TypeAlias = Callable[
    [Arrays, State, Sequence[jax.Array], Arrays], tuple[State, tuple[jax.Array, jax.Array]]
]


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """An optimizer as functions of lists with one array per trainable variable.

    Attributes:
      start: returns the optimizer's state before the first step from the weights.
      step: (weights, state, gradient, rate) -> (weights, state).
    """

    start: Callable[[Sequence[Any]], list[Any]]
    step: Callable[[_Values, _Values, _Values, jax.Array], tuple[_Values, _Values]]


def update_rule(model: "keras.Model", optimizer: Config) -> UpdateRule:
    """Returns the UpdateRule of a model for the `optimizer` section of a config."""
    if optimizer["name"] != optimizers.SGD:
        return _keras_rule(optimizers.create(model.trainable_variables, **optimizer))
    options = {name: value for name, value in optimizer.items() if name != "name"}
    # The names are numbered, since two layers of a user's model may share a path.
    names = [f"{index}/{v.path}" for index, v in enumerate(model.trainable_variables)]

    def step(
        weights: _Values, velocity: _Values, gradient: _Values, rate: jax.Array
    ) -> tuple[_Values, _Values]:
        weights_by_name, velocity_by_name, gradient_by_name = (
            dict(zip(names, arrays, strict=True)) for arrays in (weights, velocity, gradient)
        )
        new_weights, new_velocity = optimizers.sgd(
            weights_by_name, velocity_by_name, gradient_by_name, rate, **options
        )
        return [new_weights[name] for name in names], [new_velocity[name] for name in names]

    return UpdateRule(start=lambda weights: [0 * w for w in weights], step=step)


def _keras_rule(optimizer: "keras.optimizers.Optimizer") -> UpdateRule:
    built = [np.asarray(variable) for variable in optimizer.variables]
    rate_index = [v is optimizer.learning_rate for v in optimizer.variables].index(True)

    def step(
        weights: _Values, state: _Values, gradient: _Values, rate: jax.Array
    ) -> tuple[_Values, _Values]:
        state = [rate if i == rate_index else array for i, array in enumerate(state)]
        new_weights, new_state = optimizer.stateless_apply(state, gradient, weights)
        return list(new_weights), list(new_state)

    return UpdateRule(start=lambda weights: built, step=step)


def initial_state(model: "keras.Model", rule: UpdateRule, values: Sequence[Any]) -> State:
    """Returns the state of a run that starts from values, one array per variable of the model."""
    weights, stats = _split(model, values)
    return {"weights": weights, "update_state": rule.start(weights), "stats": stats}


def values(model: "keras.Model", state: State) -> list[jax.Array]:
    """Returns the values of a model's variables, in their order, from the state of a run."""
    weights, stats = iter(state["weights"]), iter(state["stats"])
    return [next(weights) if v.trainable else next(stats) for v in model.variables]


def _split(model: "keras.Model", values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Returns (values of the trainable variables, values of the others)."""
    pairs = list(zip(model.variables, values, strict=True))
    trainable = [value for variable, value in pairs if variable.trainable]
    return trainable, [value for variable, value in pairs if not variable.trainable]
