"""The JAX engine: the same models, plans and steps as functions of a state that holds many runs.

The state of a program has a leading axis of runs everywhere. On an accelerator one call trains a
whole epoch of all of them; on a CPU, where XLA runs convolutions in a loop ten times slower, a
call is a step. Several devices hold different runs, or slices of the batches of one run.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_NNX_ENABLED"] = "false"

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from memkit.errors import expected  # noqa: E402
from memkit.training import plan as plans_lib  # noqa: E402
from memkit.training.engines import Evaluation, Program, Steps, jax_pack, jax_run  # noqa: E402

READ_AHEAD = 4  # steps whose streamed images may be on their way at once


def configure(setup):
    """Prepares this process for a Setup: compiled programs are kept on disk for the next one.

    Variables such as JAX_ENABLE_X64, which people set for other work, do not get into a study.
    """
    jax.config.update("jax_enable_x64", False)
    jax.config.update("jax_disable_jit", False)
    jax.config.update("jax_debug_nans", False)  # A run that diverges is recorded as such.
    if not jax.config.jax_compilation_cache_dir:
        cache = os.path.join(os.path.expanduser("~"), ".cache", "memkit", "jax")
        jax.config.update("jax_compilation_cache_dir", cache)
    devices = _devices(setup)
    if len(devices) < setup.num_devices:
        wanted = f"{setup.num_devices} devices that JAX sees"
        raise expected("--devices", wanted, f"{len(devices)} ({jax.default_backend()})")


def _devices(setup):
    try:
        return jax.devices(setup.kind)[: setup.num_devices]
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise expected("--devices", f"a {setup.kind} that JAX can use", reason) from None


def versions():
    """Returns {package: version} of what computes."""
    return {"jax": jax.__version__, "keras": keras.__version__}


def device():
    """Returns the kind of device that JAX computes on, such as "CPU" or "NVIDIA H200"."""
    kind = jax.devices()[0].device_kind
    return "CPU" if kind == "cpu" else kind


def compile_program(blueprint, *, setup, images, labels, resident):
    """Builds the programs of one point: `engines.compile_program`, many runs at a time."""
    mesh = _mesh(setup, blueprint.data_parallel)
    whole_epochs = resident and setup.kind != "cpu"
    model, _, train_program, evaluation_program = build_programs(
        blueprint,
        mesh=mesh,
        packing=setup.packing,
        whole_epochs=whole_epochs,
        resident=resident,
        image_shape=images.shape[1:],
    )
    size = setup.runs_per_program * (1 if blueprint.data_parallel > 1 else setup.num_devices)
    built = [np.asarray(variable) for variable in model.variables]
    shared = {"labels": np.asarray(labels, np.int32)}
    if resident:
        shared["images"] = np.ascontiguousarray(images).reshape(len(images), -1)
    shared = jax_pack.place(shared, mesh, by_run=False)
    held = {}  # what the runs of the moment are: states and teachers

    def reset(draws, teachers=None):
        drawn = [_filled(draw(model), built) for draw in draws]
        states = [jax_run.initial_state(model, values) for values in drawn]
        held["states"] = jax_pack.place(_stack(states), mesh, by_run=True)
        held["teachers"] = jax_pack.place(_stack(teachers or [[]] * size), mesh, by_run=True)

    def advance(batch):
        held["states"], said = train_program(shared, held["states"], held["teachers"], batch)
        return said

    def train(plans):
        names = ("index", "rate", "crop", "flip")
        plan = {name: np.stack([getattr(one, name) for one in plans]) for name in names}
        if whole_epochs:
            objective, rows = jax.device_get(advance(plan))
        else:
            said = []
            for batch in _step_batches(plan, None if resident else images):
                said.append(advance(batch))
                jax.block_until_ready(said[-READ_AHEAD:][0])  # Bounds what is under way.
            parts = zip(*jax.device_get(said), strict=True)
            objective, rows = (np.stack(part, axis=1) for part in parts)
        loss, margin, correct = np.moveaxis(rows, -1, 0)
        said = zip(objective, loss, margin, correct > 0, strict=True)
        return [Steps(*of_run) for of_run in said]

    def evaluate():
        rows = plans_lib.evaluation_rows(len(labels), blueprint.whole_eval_batch, whole=True)
        said = []
        for index in rows:
            batch = {"index": index} | ({} if resident else {"raw": images[index]})
            said.append(evaluation_program((shared, batch), held["states"]))
            jax.block_until_ready(said[-READ_AHEAD:][0])
        parts = zip(*jax.device_get(said), strict=True)
        logits, logodds = (np.concatenate(part, axis=1)[:, : len(labels)] for part in parts)
        return [
            Evaluation(logits=of_run, logodds=odds, predicted=of_run.argmax(-1))
            for of_run, odds in zip(logits, logodds, strict=True)
        ]

    def weights():
        states = jax.device_get(held["states"])
        return [jax_run.values(model, jax_pack.one(states, run)) for run in range(size)]

    def state():
        states = jax.device_get(held["states"])
        return [jax.tree.leaves(jax_pack.one(states, run)) for run in range(size)]

    def restore(states):
        tree = jax.tree.structure(held["states"])
        whole = _stack([jax.tree.unflatten(tree, of_run) for of_run in states])
        held["states"] = jax_pack.place(whole, mesh, by_run=True)

    return Program(
        size=size,
        reset=reset,
        train=train,
        evaluate=evaluate,
        weights=weights,
        state=state,
        restore=restore,
    )


def build_programs(blueprint, *, mesh, packing, whole_epochs, resident, image_shape):
    """Builds the models of a point and compiles nothing yet.

    Args:
      blueprint: engines.Blueprint.
      mesh: of `jax_pack.mesh`.
      packing: one of engines.PACKINGS.
      whole_epochs: bool, whether a call trains an epoch or a step.
      resident: bool, whether images are on the device or in the batches.
      image_shape: (height, width, channels).

    Returns:
      (model, teacher or None, train program, evaluation program), see `jax_pack`.
    """
    model, teacher = blueprint.models()
    shares_a_run = jax_pack.BATCH in mesh.axis_names
    train_step, train_epoch, evaluate = jax_run.functions(
        model,
        teacher,
        image_shape=image_shape,
        mean=blueprint.mean,
        std=blueprint.std,
        optimizer=blueprint.optimizer,
        pad=blueprint.pad,
        distillation=blueprint.distillation,
        axis=jax_pack.BATCH if shares_a_run and not blueprint.sync_batch_norm else None,
    )
    train_program = jax_pack.train_program(
        train_epoch if whole_epochs else train_step,
        mesh,
        packing=packing,
        whole_epochs=whole_epochs,
        streamed=not resident,
        sync_batch_norm=blueprint.sync_batch_norm,
    )
    evaluation_program = jax_pack.evaluation_program(evaluate, mesh, packing=packing)
    return model, teacher, train_program, evaluation_program


def _mesh(setup, data_parallel):
    """Returns the mesh of this process's devices."""
    if data_parallel not in (1, setup.num_devices):
        wanted = f"1, or {setup.num_devices}, the devices of a worker process"
        raise expected("training.data_parallel", wanted, data_parallel)
    if data_parallel > 1 and setup.runs_per_program > 1:
        raise expected("--runs_per_program", "1 where devices share a run", setup.runs_per_program)
    return jax_pack.mesh(_devices(setup), data_parallel=data_parallel)


def _filled(values, built):
    return [first if value is None else value for value, first in zip(values, built, strict=True)]


def _stack(trees):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def _step_batches(plan, images):
    """Yields the batches of each step, with their images where these are not on the device."""
    for t in range(plan["rate"].shape[1]):
        batch = {name: values[:, t] for name, values in plan.items()}
        if images is not None:
            rows = batch["index"]
            batch["raw"] = images[rows.ravel()].reshape(*rows.shape, *images.shape[1:])
        yield batch
