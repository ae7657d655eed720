"""Where the TensorFlow engine's time goes: its operations on one thread, as TF profiles them."""

import glob
import re
import tempfile
import time

from benchmarks import engine_variants

_OPERATION = re.compile(r"([^\s:]+):(\w+)$")  # "place in the graph:kind", not "Class::function"
_CONTAINERS = (
    "While",
    "StatelessWhile",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "Case",
    "If",
)
_INPUT = ("GatherV2", "GatherNd", "ResourceGather", "Pad", "PadV2", "OneHot")
GROUPS = (
    "convolutions, forward",
    "convolutions, backward",
    "batch normalization",
    "activations and additions",
    "input",
    "loss, update, bookkeeping",
    "between operations",
)


def profile(case, setup):
    """Returns a function that profiles a turn and returns {one of GROUPS: seconds of it}."""
    train = engine_variants.engine(case, setup)
    train()

    def profiled():
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as folder:
            tf.profiler.experimental.start(folder)
            started = time.perf_counter()
            train()
            seconds = time.perf_counter() - started
            tf.profiler.experimental.stop()
            (file,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
            found = grouped(_events(file))
        return found | {"between operations": seconds - sum(found.values())}

    return profiled


def _events(file):
    """Yields (name, seconds) of what a profile holds of the CPU."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    with open(file, "rb") as opened:
        space.ParseFromString(opened.read())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                yield plane.event_metadata[event.metadata_id].name, event.duration_ps * 1e-12


def grouped(events):
    """Returns {group: seconds} of (name, seconds) events; only single operations count."""
    found = dict.fromkeys(GROUPS[:-1], 0.0)
    for name, seconds in events:
        operation = _OPERATION.match(name)
        if operation and operation[2] not in _CONTAINERS:
            found[group(*operation.groups())] += seconds
    return found


def group(path, kind):
    """Returns the group of an operation.

    Args:
      path: its name in the graph, such as "while/resnet/stem_bn/batchnorm/mul".
      kind: such as "Mul".
    """
    if "Conv2D" in kind or "MatMul" in kind:
        return GROUPS[1] if "gradient_tape" in path else GROUPS[0]
    if "_bn" in path:
        return GROUPS[2]
    if "resnet" in path:
        return GROUPS[3]
    return GROUPS[4] if kind in _INPUT else GROUPS[5]
