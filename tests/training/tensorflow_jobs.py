"""Jobs of tests in a TensorFlow process: a slow reference, and counts of traces."""

from unittest import mock

import numpy as np

from memkit import studies
from memkit.training import engines
from tests.training import programs, resuming


def by_slices(argument, engine):
    """Trains one run on slices of its batches, as plainly as possible.

    Each of k replicas has batch statistics of its own; weights learn from the mean of the k
    gradients, and moving statistics are averaged after each call.

    Args:
      argument: {"case": attributes of a Case, "replicas": k}.
      engine: the TensorFlow engine.

    Returns:
      What `programs.execute` returns of the case, without `margin` and `correct`.
    """
    case, count = programs.as_case(argument["case"]), argument["replicas"]
    images, labels = programs.data(case)
    model = programs.build(case.model, case)
    (run,) = case.runs
    values = programs.start(model, run)
    trained = [i for i, v in enumerate(model.variables) if v.trainable]
    velocity = {i: np.zeros_like(values[i]) for i in trained}
    replicas = [list(values) for _ in range(count)]
    actual = {"objective": [], "loss": []}
    for call, plan in enumerate(programs.plans(case, run)):
        for index, rate, crop, flip in zip(plan.index, plan.rate, plan.crop, plan.flip):
            x = _augmented(images[index], crop, flip, case)
            outcomes = [
                _gradients(engine, model, replica_values, x[rows], labels[index[rows]])
                for replica_values, rows in zip(replicas, np.split(np.arange(len(index)), count))
            ]
            actual["objective"].append(np.mean([loss.mean() for loss, _, _ in outcomes]))
            actual["loss"].append(np.concatenate([loss for loss, _, _ in outcomes]))
            mean = [np.mean(parts, axis=0) for parts in zip(*[slopes for _, slopes, _ in outcomes])]
            weights = _descend(model, replicas[0], velocity, dict(zip(trained, mean)), rate)
            replicas = [
                [weights[i] if i in velocity else stat for i, stat in enumerate(stats)]
                for _, _, stats in outcomes
            ]
        settled = [np.mean(parts, axis=0) for parts in zip(*replicas)]
        replicas = [list(settled) for _ in range(count)]
        actual |= {f"weights{call}/{i}": [value] for i, value in enumerate(settled)}
    _assign(model, settled)
    mean, std = (np.array(part) for part in programs.normalization(case))
    pictures = ((images / 255 - mean) / std).astype(np.float32)
    rows = [model(picture[None], training=False).numpy()[0] for picture in pictures]
    single = {name: [actual.pop(name)] for name in ("objective", "loss")}
    arrays = actual | single | {"logits": [rows]}
    return {f"reference|{name}": np.array(array) for name, array in arrays.items()}


def _augmented(images, crop, flip, case):
    mean, std = (np.array(part) for part in programs.normalization(case))
    pad, (height, width) = programs.PAD, images.shape[1:3]
    padded = np.pad((images / 255 - mean) / std, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    cut = [
        image[top : top + height, left : left + width]
        for image, (top, left) in zip(padded, crop.astype(int))
    ]
    return np.stack([c[:, ::-1] if f else c for c, f in zip(cut, flip)]).astype(np.float32)


def _gradients(engine, model, values, x, labels):
    """Returns (losses [B], gradients, values of all variables afterwards) of one replica."""
    tf = engine.tf
    _assign(model, values)
    weights = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(losses)
    slopes = [slope.numpy() for slope in tape.gradient(loss, weights)]
    return losses.numpy(), slopes, [v.numpy() for v in model.variables]


def _assign(model, values):
    for variable, value in zip(model.variables, values):
        variable.assign(value)


def _descend(model, values, velocity, slopes, rate):
    """Returns {place: value} after a step of Nesterov momentum, and updates the velocity."""
    momentum, decay = programs.OPTIMIZER["momentum"], programs.OPTIMIZER["weight_decay"]
    new = {}
    for i, slope in slopes.items():
        is_kernel = model.variables[i].name == "kernel"
        slope = slope + decay * values[i] if is_kernel else slope
        velocity[i] = momentum * velocity[i] - rate * slope
        new[i] = values[i] + momentum * velocity[i] - rate * slope
    return new


def traces(argument, engine):
    """Executes {name: attributes of a Case}, and counts how often their graphs are traced.

    Returns:
      What `programs.cases` returns, and two more arrays of each case with one number per graph:
      "loop" of training and "one_by_one" of the others.
    """
    arrays = {}
    for case, attributes in argument.items():
        made = {"loop": [], "one_by_one": []}
        with _recording(engine, "loop", made), _recording(engine, "one_by_one", made):
            arrays |= programs.cases({case: attributes}, engine)
        for name, graphs in made.items():
            counts = [graph.experimental_get_tracing_count() for graph in graphs]
            arrays[f"{case}|{name}"] = np.array(counts)
    return arrays


def _recording(engine, name, made):
    """Adds the graphs that a function of the replicas makes to made[name]."""
    real = getattr(engine.replicas, name)

    def make(*args, **options):
        made[name].append(real(*args, **options))
        return made[name][-1]

    return mock.patch.object(engine.replicas, name, make)


def resumed(workdir, engine):
    """Returns the log-odds of run 1 without and with an interruption after 2 of 4 epochs.

    `epochs` is the number of epochs after the interruption.
    """
    study = studies.load(workdir)
    point = study.points[0]
    setup = engines.Setup(strategy="mirrored", num_devices=2)
    undisturbed, _ = resuming.train(study, point, [1], setup)
    resuming.interrupt(study, point, [1], setup, after=2)
    actual, epochs = resuming.train(study, point, [1], setup)
    key = 1, "train_logodds"
    return {
        "undisturbed": undisturbed[key],
        "resumed": actual[key],
        "epochs": np.array(len(epochs)),
    }
