"""The parts of test_check.py that need a process with JAX; prints names and words."""

import sys
import tempfile

import jax
from memkit.configs import digits_width, mnist_mlp

from memkit import studies
from memkit.data import digits
from memkit.studies import points
from memkit.tpu_check import check as parent
from memkit.tpu_check import programs as tpu_check
from memkit.training import compiler, loop
from memkit.training.engines import jax as engine
from memkit.training.engines import jax_pack


def mnist(*, data_parallel=1, resident=True, **flags):
    config = points.plain(mnist_mlp.get_config().to_dict())
    config["training"]["data_parallel"] = data_parallel
    config["dataset"]["resident"] = resident
    check = parent.prepare(config, topology="v5e:2x2", **flags)
    return check.job, check.compiled[0]


ASKED = {
    "none": {},
    "map": {"packing": "map", "runs_per_program": 8},
    "vmap": {"packing": "vmap", "runs_per_program": 8},
    "two_chips": {"data_parallel": 2},
    "streamed": {"resident": False},
}


def flops():
    print("counted", tpu_check.count_points(mnist()[0])["one_hot"])
    for name, changes in ASKED.items():
        finding = tpu_check.compile_point(*mnist(**changes))
        print(name, finding.flops)
        print(f"{name}_step", finding.step)


def memory():
    for name in ("none", "vmap", "streamed"):
        print(name, tpu_check.compile_point(*mnist(**ASKED[name])).memory)


class Spy:
    """A program that remembers what it was called or lowered with."""

    def __init__(self, program):
        self.program = program
        self.seen = []

    def __call__(self, *arguments):
        self._see(arguments)
        return self.program(*arguments)

    def lower(self, *arguments):
        self._see(arguments)
        return self.program.lower(*arguments)

    def _see(self, arguments):
        self.seen.append(jax.tree.map(lambda x: f"{x.dtype} {tuple(x.shape)}", arguments))


def spy_on_programs():
    """Returns {name: Spies in the order in which the programs are made}."""
    spies = {"train": [], "evaluate": []}
    for name, made in (("train", "train_program"), ("evaluate", "evaluation_program")):
        real = getattr(jax_pack, made)

        def spied(*args, real=real, name=name, **options):
            spies[name].append(Spy(real(*args, **options)))
            return spies[name][-1]

        setattr(jax_pack, made, spied)
    return spies


def students(model):
    config = points.plain(digits_width.get_config("smoke").to_dict())
    config["series"] = ["one_hot", "distilled"]
    config["axis"]["values"] = [1]
    if model == "mlp":
        config["model"] = {"name": "mlp", "hidden": [8]}
        config["axis"] = {"field": "optimizer.momentum", "values": [0.9]}
    return config


def arguments(model):
    """Compares the calls of a study that trains with what the check lowers for it."""
    spies = spy_on_programs()
    engine._devices = lambda setup: jax.devices("cpu")[:1]
    config = students(model)
    for images in ("resident", "streamed"):
        config["dataset"]["resident"] = images == "resident"
        flags = {"packing": "vmap", "runs_per_program": 2}
        job = parent.prepare(config, topology="v5e:2x2", **flags).job
        tpu_check._lower(job, job.study.points[-1], job.setup, jax.devices("cpu")[:1])
        with tempfile.TemporaryDirectory() as folder:
            train(studies.open_or_create(folder, config, digits.load()), job)
        for name in spies:
            lowered, called = (spy.seen[0] for spy in spies[name][-2:])
            print(f"{images}_{name}", "same" if lowered == called else "different")
            print(f"{images}_{name}_arrays", len(jax.tree.leaves(called)))


def train(study, job):
    student = study.points[-1]
    program = compiler.Compiler(job.setup).compile(study, student)
    teacher = compiler.blueprint(study, student, job).teacher()
    values = [variable.numpy() for variable in teacher.variables]
    loop.train_pack(program, study, student, [0, 1], teachers=[values] * 2, stop_after=1)
    program.evaluate()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "arguments":
        arguments(*rest)
    else:
        {"flops": flops, "memory": memory}[what]()
