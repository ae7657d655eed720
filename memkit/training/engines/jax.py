"""The JAX engine: the same models, plans and steps as functions of a state that holds many runs.

All arrays of a program's state have a leading axis of runs. On an accelerator, one call trains a
whole epoch of all runs. On a CPU, where XLA executes convolutions inside a loop ten times slower,
one call trains a step. Several devices hold different runs, or slices of the batches of one run.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_NNX_ENABLED"] = "false"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from memkit.errors import expected  # noqa: E402
from memkit.training import plan as plans_lib  # noqa: E402
from memkit.training.engines import (  # noqa: E402
    Blueprint,
    Draw,
    Evaluation,
    Gradients,
    Images,
    Program,
    Reduce,
    Setup,
    Steps,
    Values,
    jax_pack,
    jax_run,
)
from memkit.training.plan import EpochPlan  # noqa: E402
from memkit.typing import Array, FloatArray, IntArray  # noqa: E402

READ_AHEAD = 4  # Number of steps whose streamed images may be in transfer at once.


def configure(setup: Setup) -> None:
    """See `engines.Engine.configure`; compiled programs are cached on disk for later processes.

    Environment variables such as JAX_ENABLE_X64 are overridden, so they cannot change a study.

    Raises:
      InputError: JAX has fewer devices than the setup names.
    """
    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_disable_jit", False)
    jax.config.update("jax_debug_nans", False)  # A run that diverges is recorded as such.
    if not jax.config.jax_compilation_cache_dir:
        cache = os.path.join(os.path.expanduser("~"), ".cache", "memkit", "jax")
        jax.config.update("jax_compilation_cache_dir", cache)
    devices = _devices(setup)
    if len(devices) < setup.num_devices:
        expectation = f"{setup.num_devices} devices visible to JAX"
        raise expected("--devices", expectation, f"{len(devices)} ({jax.default_backend()})")


def _devices(setup: Setup) -> list[jax.Device]:
    try:
        return list(jax.devices(setup.kind)[: setup.num_devices])
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise expected("--devices", f"a {setup.kind} that JAX can use", reason) from None


def versions() -> dict[str, str]:
    """See `engines.Engine.versions`."""
    return {"jax": jax.__version__, "keras": keras.__version__}


def device() -> str:
    """See `engines.Engine.device`."""
    kind: str = jax.devices()[0].device_kind
    return "CPU" if kind == "cpu" else kind


def compile_program(
    blueprint: Blueprint, *, setup: Setup, images: Images, labels: IntArray, resident: bool
) -> Program:
    """See `engines.compile_program`; the program trains many runs at a time."""
    pack = _Pack(blueprint, setup=setup, images=images, labels=labels, resident=resident)
    return Program(
        size=pack.size,
        reset=pack.reset,
        train=pack.train,
        evaluate=pack.evaluate,
        weights=pack.weights,
        state=pack.state,
        restore=pack.restore,
    )


def gradients(model: keras.Model, reduce: Reduce) -> Gradients:
    """See `engines.Engine.gradients`."""

    @jax.jit
    def of_image(
        values: Any, fixed: Any, image: jax.Array, directions: jax.Array, *arguments: jax.Array
    ) -> Any:
        def outputs(values: Any) -> jax.Array:
            logits, _ = model.stateless_call(values, fixed, image[None], training=False)
            return directions @ logits[0].astype(jnp.float32)

        parts = jax.jacrev(outputs)(values)
        rows = jnp.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return reduce(rows, *arguments)

    def compute(image: Any, directions: Any, *arguments: Any) -> FloatArray:
        values = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]
        return np.asarray(of_image(values, fixed, image, directions, *arguments))

    return compute


class _Pack:
    """The programs of one point, and the states of the runs that are trained now.

    Attributes:
      size: R, the number of runs at a time.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        setup: Setup,
        images: Images,
        labels: IntArray,
        resident: bool,
    ) -> None:
        """Builds the programs; for the arguments see `engines.compile_program`."""
        self._mesh = _mesh(setup, blueprint.data_parallel)
        self._has_whole_epochs = resident and setup.kind != "cpu"
        functions, self._train_program, self._evaluation_program = jax_pack.build_programs(
            blueprint,
            mesh=self._mesh,
            packing=setup.packing,
            whole_epochs=self._has_whole_epochs,
            resident=resident,
            image_shape=images.shape[1:],
        )
        self._model, self._rule = functions.model, functions.rule
        self.size = setup.runs_per_program * (
            1 if blueprint.data_parallel > 1 else setup.num_devices
        )
        self._built = [np.asarray(variable) for variable in self._model.variables]
        teacher = functions.teacher.variables if functions.teacher else []
        self._built_teacher = [np.asarray(variable) for variable in teacher]
        shared: dict[str, Array] = {"labels": np.asarray(labels, np.int32)}
        if resident:
            shared["images"] = np.ascontiguousarray(images).reshape(len(images), -1)
        self._shared = jax_pack.to_devices(shared, self._mesh, by_run=False)
        self._streamed = None if resident else images
        self._num_examples, self._eval_batch = len(labels), blueprint.whole_eval_batch
        self._states: Any = None
        self._teachers: Any = None

    def reset(self, draws: Sequence[Draw], teachers: Sequence[Values] | None = None) -> None:
        """See `Program.reset`."""
        drawn = [_filled(draw(self._model), self._built) for draw in draws]
        states = [jax_run.initial_state(self._model, self._rule, values) for values in drawn]
        self._states = jax_pack.to_devices(_stack(states), self._mesh, by_run=True)
        teachers = teachers or [self._built_teacher] * self.size
        self._teachers = jax_pack.to_devices(_stack(teachers), self._mesh, by_run=True)

    def train(self, plans: Sequence[EpochPlan]) -> list[Steps]:
        """See `Program.train`."""
        names = ("index", "rate", "crop", "flip", "draws")
        plan = {name: np.stack([getattr(of_run, name) for of_run in plans]) for name in names}
        if self._has_whole_epochs:
            objective, rows = jax.device_get(self._advance(plan))
        else:
            by_step: list[Any] = []
            for batch in _step_batches(plan, self._streamed):
                by_step.append(self._advance(batch))
                jax.block_until_ready(by_step[-READ_AHEAD:][0])  # Bounds the work in progress.
            results = zip(*jax.device_get(by_step), strict=True)
            objective, rows = (np.stack(arrays, axis=1) for arrays in results)
        loss, margin, correct = np.moveaxis(rows, -1, 0)
        by_run = zip(objective, loss, margin, correct > 0, strict=True)
        return [Steps(*arrays) for arrays in by_run]

    def _advance(self, batch: dict[str, Array]) -> Any:
        """Trains a step or an epoch; returns its (objective, rows) on the devices."""
        self._states, results = self._train_program(
            self._shared, self._states, self._teachers, batch
        )
        return results

    def evaluate(self) -> list[Evaluation]:
        """See `Program.evaluate`."""
        by_batch: list[Any] = []
        for rows in plans_lib.evaluation_rows(self._num_examples, self._eval_batch, whole=True):
            batch = {"index": rows}
            if self._streamed is not None:
                batch["raw"] = self._streamed[rows]
            by_batch.append(self._evaluation_program((self._shared, batch), self._states))
            jax.block_until_ready(by_batch[-READ_AHEAD:][0])
        results = zip(*jax.device_get(by_batch), strict=True)
        logits, logodds = (
            np.concatenate(arrays, axis=1)[:, : self._num_examples] for arrays in results
        )
        return [
            Evaluation(logits=run_logits, logodds=run_odds, predicted=run_logits.argmax(-1))
            for run_logits, run_odds in zip(logits, logodds, strict=True)
        ]

    def weights(self) -> list[Values]:
        """See `Program.weights`."""
        states = jax.device_get(self._states)
        return [
            jax_run.values(self._model, jax_pack.of_run(states, run)) for run in range(self.size)
        ]

    def state(self) -> list[Values]:
        """See `Program.state`."""
        states = jax.device_get(self._states)
        return [jax.tree.leaves(jax_pack.of_run(states, run)) for run in range(self.size)]

    def restore(self, states: Sequence[Values]) -> None:
        """See `Program.restore`."""
        structure = jax.tree.structure(self._states)
        stacked = _stack([jax.tree.unflatten(structure, arrays) for arrays in states])
        self._states = jax_pack.to_devices(stacked, self._mesh, by_run=True)


def _mesh(setup: Setup, data_parallel: int) -> jax.sharding.Mesh:
    """Returns the mesh of this process's devices."""
    if data_parallel not in (1, setup.num_devices):
        expectation = f"1, or {setup.num_devices}, the devices of a worker process"
        raise expected("training.data_parallel", expectation, data_parallel)
    if data_parallel > 1 and setup.runs_per_program > 1:
        raise expected("--runs_per_program", "1 where devices share a run", setup.runs_per_program)
    return jax_pack.mesh(_devices(setup), data_parallel=data_parallel)


def _filled(values: Sequence[Array | None], built: Values) -> Values:
    """Returns values in which None is replaced by the value of the variable after build."""
    pairs = zip(values, built, strict=True)
    return [built_value if value is None else value for value, built_value in pairs]


def _stack(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _step_batches(plan: dict[str, Array], images: Images | None) -> Iterator[dict[str, Array]]:
    """Yields the batches of each step, with their images unless these are on the device."""
    for t in range(plan["rate"].shape[1]):
        batch = {name: values[:, t] for name, values in plan.items()}
        if images is not None:
            rows = batch["index"]
            batch["raw"] = images[rows.ravel()].reshape(*rows.shape, *images.shape[1:])
        yield batch
