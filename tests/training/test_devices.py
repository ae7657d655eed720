import itertools
import os
import subprocess
import sys

import pytest

from memkit.errors import InputError
from memkit.training import devices
from memkit.training.devices import Device


def gpus(*numbers):
    return tuple(Device("gpu", number) for number in numbers)


def tpus(*numbers, cores=1):
    return tuple(Device("tpu", number, cores) for number in numbers)


def cpus(count):
    return tuple(Device("cpu", number) for number in range(count))


@pytest.fixture
def machine(tmp_path):
    """Returns a function that creates the files of a machine and returns their root folder."""

    def make(*files, vendors=(), chips=()):
        for file in files:
            path = tmp_path / "dev" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for number, vendor in enumerate(vendors):
            path = tmp_path / "sys" / "bus" / "pci" / "devices" / f"0000:00:0{number}.0" / "vendor"
            path.parent.mkdir(parents=True)
            path.write_text(f"{vendor}\n")
            for chip in chips:
                path.with_name("device").write_text(f"{chip}\n")
        return tmp_path

    return make


@pytest.fixture
def four_gpus(machine):
    return machine("nvidia0", "nvidia1", "nvidia2", "nvidia3", "nvidiactl", "nvidia-uvm", "null")


@pytest.fixture
def site(tmp_path):
    """Returns a function from names and versions of distributions to a path with their metadata."""

    def install(*names):
        folder = tmp_path / "site"
        for name in names:
            info = folder / f"{name}.dist-info"
            info.mkdir(parents=True)
            project, version = name.split("-")
            info.joinpath("METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
            )
        return [str(folder)]

    return install


def error_message(function, *args, **kwargs):
    """Returns the message, of one line, of the InputError that a function raises."""
    with pytest.raises(InputError) as error:
        function(*args, **kwargs)
    (line,) = str(error.value).splitlines()
    return line


# Devices of the machine


def test_device_as_text_and_order():
    assert str(Device("gpu", 10)) == "gpu:10"
    assert sorted(gpus(10, 2, 9)) == list(gpus(2, 9, 10))


def test_machine_without_accelerators_has_none(machine):
    nothing = {"gpu": (), "tpu": ()}
    assert (
        devices.visible({}, machine("null", "nvidiactl", "nvidia-uvm", "accel/accel0")) == nothing
    )
    assert devices.visible({"CUDA_VISIBLE_DEVICES": "GPU-12"}, machine()) == nothing
    assert devices.visible({}, "/no/such/folder") == nothing


@pytest.mark.parametrize(
    ("listed", "count"),
    [
        (None, 4),
        ("", 0),
        ("-1", 0),
        ("NoDevFiles", 0),
        ("0", 1),
        ("3,1", 2),
        (" 0 , 2 ", 2),
        ("0,2,-1,1", 2),  # the example of NVIDIA's manual
        ("0,4,1", 1),
        ("4", 0),
        ("1,1", 0),
        ("GPU-8932f937", 1),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,GPU-0a,2", 3),
        ("MIG-0a,MIG-0b,MIG-0c,MIG-0d,MIG-0e", 5),
    ],
)
def test_cuda_visible_devices_hides_gpus(four_gpus, listed, count):
    environment = {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}
    assert devices.visible(environment, four_gpus) == {"gpu": gpus(*range(count)), "tpu": ()}


def test_gpus_count_from_zero_whatever_their_files(machine):
    assert devices.visible({}, machine("nvidia2", "nvidia5"))["gpu"] == gpus(0, 1)


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 4),
        ({"TPU_VISIBLE_CHIPS": "2,3"}, 2),
        ({"TPU_VISIBLE_DEVICES": "1"}, 1),
        ({"TPU_VISIBLE_CHIPS": "2,3", "TPU_VISIBLE_DEVICES": "1"}, 2),
        ({"TPU_VISIBLE_CHIPS": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": ""}, 4),
    ],
)
def test_tpu_visible_chips_hides_chips(machine, variables, count):
    root = machine("accel0", "accel1", "accel2", "accel3")
    assert devices.visible(variables, root) == {"gpu": (), "tpu": tpus(*range(count))}


def test_newer_chips_are_vfio_devices_on_a_machine_of_google(machine):
    root = machine("vfio/0", "vfio/1", "vfio/vfio", vendors=["0x8086", "0x1ae0"])
    assert devices.visible({}, root)["tpu"] == tpus(0, 1)


def test_older_chips_are_not_counted_twice(machine):
    root = machine("accel0", "vfio/0", "vfio/1", vendors=["0x1ae0"])
    assert devices.visible({}, root)["tpu"] == tpus(0)


def test_vfio_devices_of_other_vendors_are_not_chips(machine):
    root = machine("vfio/12", "vfio/vfio", vendors=["0x8086", "0x10de"])
    assert devices.visible({}, root)["tpu"] == ()


@pytest.mark.parametrize(
    ("chip", "cores"),
    [("0x0027", 2), ("0x005e", 1), ("0x0062", 1), ("0x0063", 1), ("0x006f", 1), ("0x0076", 2)],
)
def test_chips_of_v2_v3_and_7x_have_two_cores(machine, chip, cores):
    root = machine("accel0", "accel1", vendors=["0x1ae0"], chips=[chip])
    assert [chip.cores for chip in devices.visible({}, root)["tpu"]] == [cores] * 2


def test_a_pci_device_of_another_vendor_has_no_cores(machine):
    root = machine("accel0", vendors=["0x8086"], chips=["0x0027"])
    assert [chip.cores for chip in devices.visible({}, root)["tpu"]] == [1]


# Values of --devices


def choose(text, root, path, *, engine="tensorflow", environment=None):
    return devices.choose(text, engine=engine, environment=environment or {}, root=root, path=path)


def test_auto_chooses_devices_that_the_installation_supports(machine, site):
    root = machine("nvidia0", "nvidia1", "accel0")
    choice = choose("auto", root, site("tensorflow-2.20.0"))
    assert choice.devices == gpus(0, 1)
    assert choice.note.startswith("--devices=auto: gpu:0, gpu:1; --engine=tensorflow --devices=tpu")


def test_auto_prefers_tpu_chips(machine, site):
    root = machine("nvidia0", "accel0", "accel1")
    path = site("jax-0.10.2", "jaxlib-0.10.2", "libtpu-0.0.42.1", "jax_cuda12_plugin-0.10.2")
    choice = choose("auto", root, path, engine="jax")
    assert choice == devices.Choice(tpus(0, 1), "--devices=auto: tpu:0, tpu:1")


def test_auto_without_accelerators_is_the_cpu(machine, site):
    choice = choose("auto", machine(), site("tensorflow_cpu-2.21.0"))
    assert choice == devices.Choice(cpus(1), "--devices=auto: the CPU")


def test_auto_explains_why_a_gpu_is_not_used(four_gpus, site):
    choice = choose("auto", four_gpus, site("tensorflow_cpu-2.21.0"))
    assert choice.devices == cpus(1)
    assert choice.note.startswith("--devices=auto: the CPU; --engine=tensorflow --devices=gpu: ")
    assert "pip install -e '.[gpu]'" in choice.note
    assert "\n" not in choice.note


def test_auto_raises_an_error_without_a_working_installation(four_gpus, site):
    path = site("tensorflow_cpu-2.21.0", "tensorflow-2.21.0")
    line = error_message(choose, "auto", four_gpus, path)
    assert "expected exactly one TensorFlow" in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu", cpus(1)),
        ("gpu", gpus(0, 1, 2, 3)),
        ("gpu:2", gpus(2)),
        ("gpu:3,gpu:0", gpus(0, 3)),
        ("cpu:0", cpus(1)),
        ("cpu:1,cpu:0", cpus(2)),
    ],
)
def test_named_devices_are_taken_in_order(four_gpus, site, text, expected):
    assert choose(text, four_gpus, site("tensorflow-2.20.0")) == devices.Choice(expected, "")


def test_gpus_are_numbered_among_the_visible_ones(four_gpus, site):
    hiding = {"CUDA_VISIBLE_DEVICES": "3,1"}
    path = site("tensorflow-2.20.0")
    assert choose("gpu", four_gpus, path, environment=hiding).devices == gpus(0, 1)
    line = error_message(choose, "gpu:3", four_gpus, path, environment=hiding)
    assert "(gpu:0, gpu:1), received gpu:3" in line


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("tpu", "expected a TPU visible to this process, received 'tpu'"),
        ("tpu:0", "(no tpu at all), received tpu:0"),
        ("gpu:4", "(gpu:0, gpu:1, gpu:2, gpu:3), received gpu:4"),
        ("gpu:0,cpu:0", "expected different devices of one kind, received 'gpu:0,cpu:0'"),
        ("gpu:1,gpu:1", "expected different devices of one kind, received 'gpu:1,gpu:1'"),
        ("cpu:0,cpu:2", "(cpu:0, cpu:1), received cpu:2"),
        ("cuda", "or names such as gpu:0,gpu:3, received 'cuda'"),
        ("gpu:", "or names such as gpu:0,gpu:3, received 'gpu:'"),
        ("gpu:01", "or names such as gpu:0,gpu:3, received 'gpu:01'"),
        ("gpu:0, gpu:1", "or names such as gpu:0,gpu:3, received 'gpu:0, gpu:1'"),
        ("", "or names such as gpu:0,gpu:3, received ''"),
    ],
)
def test_absent_devices_raise_an_error(four_gpus, site, text, received):
    line = error_message(choose, text, four_gpus, site("tensorflow-2.20.0"))
    assert line.startswith("--devices: expected ")
    assert line.endswith(received)


def test_a_gpu_that_the_installation_does_not_support_raises_an_error(four_gpus, site):
    path = site("tensorflow_cpu-2.21.0")
    for text in ("gpu", "gpu:1"):
        line = error_message(choose, text, four_gpus, path)
        assert "pip uninstall -y tensorflow-cpu && pip install -e '.[gpu]'" in line


# Devices of each worker


@pytest.mark.parametrize(
    ("workers", "per_run", "cores", "expected"),
    [
        (0, 1, 8, (8, 1)),
        (0, 2, 8, (4, 2)),
        (0, 3, 8, (2, 3)),
        (0, 4, 2, (1, 4)),
        (5, 1, 2, (5, 1)),
        (3, 2, 2, (3, 2)),
    ],
)
def test_every_worker_has_its_own_logical_cpu_devices(workers, per_run, cores, expected):
    divided = devices.deal(cpus(1), workers=workers, per_run=per_run, cores=cores)
    assert divided == (cpus(expected[1]),) * expected[0]


def test_every_worker_has_the_named_cpu_devices():
    assert devices.deal(cpus(4), workers=0, per_run=1, cores=8) == (cpus(4),) * 2
    assert devices.deal(cpus(4), workers=1, per_run=2, cores=8) == (cpus(4),)


@pytest.mark.parametrize(
    ("available", "workers", "per_run", "expected"),
    [
        (gpus(0), 0, 1, (gpus(0),)),
        (gpus(0, 3), 0, 1, (gpus(0), gpus(3))),
        (gpus(0, 1, 2, 3), 0, 2, (gpus(0, 1), gpus(2, 3))),
        (gpus(0, 1, 2, 3), 1, 2, (gpus(0, 1, 2, 3),)),
        (gpus(0, 1, 2, 3), 2, 1, (gpus(0, 1), gpus(2, 3))),
        (gpus(0, 1), 5, 1, (gpus(0), gpus(1), gpus(0), gpus(1), gpus(0))),
        (gpus(0, 1, 2, 3), 3, 2, (gpus(0, 1), gpus(2, 3), gpus(0, 1))),
        (tpus(0, 1, 2, 3), 0, 1, (tpus(0), tpus(1), tpus(2), tpus(3))),
        (tpus(*range(8)), 2, 1, (tpus(0, 1, 2, 3), tpus(4, 5, 6, 7))),
        (tpus(*range(8)), 1, 8, (tpus(*range(8)),)),
    ],
)
def test_accelerators_are_divided_among_workers(available, workers, per_run, expected):
    assert devices.deal(available, workers=workers, per_run=per_run, cores=1) == expected


@pytest.mark.parametrize(
    ("per_run", "chips"), [(1, 1), (2, 1), (4, 2), (8, 4)], ids=["core", "chip", "pair", "host"]
)
def test_both_cores_of_a_chip_belong_to_one_worker(per_run, chips):
    available = tpus(0, 1, 2, 3, cores=2)
    divided = devices.deal(available, workers=0, per_run=per_run, cores=1)
    assert divided == tuple(available[i : i + chips] for i in range(0, 4, chips))


def test_more_devices_per_run_than_cores_raise_an_error():
    line = error_message(devices.deal, tpus(0, 1, 2, 3, cores=2), workers=0, per_run=16, cores=1)
    assert "a number that divides the 8 devices of --devices, received 16" in line


@pytest.mark.parametrize("kind", ["gpu", "tpu"])
def test_every_device_is_used_and_no_chip_twice(kind):
    for count, workers, per_run in itertools.product(range(1, 9), range(10), range(1, 9)):
        available = tuple(Device(kind, number) for number in range(count))
        try:
            divided = devices.deal(available, workers=workers, per_run=per_run, cores=1)
        except InputError:
            continue
        used = list(itertools.chain(*divided))
        assert set(used) == set(available)
        assert len(divided) == (workers or count // per_run)
        assert all(len(part) % per_run == 0 for part in divided)
        if kind == "tpu" or workers * per_run <= count:
            assert sorted(used) == list(available)


@pytest.mark.parametrize(
    ("available", "workers", "per_run", "line"),
    [
        (
            gpus(0, 1, 2),
            0,
            2,
            "training.data_parallel: expected a number that divides the 3 devices of --devices, "
            "received 2",
        ),
        (
            gpus(0, 1),
            0,
            4,
            "training.data_parallel: expected a number that divides the 2 devices of --devices, "
            "received 4",
        ),
        (
            cpus(3),
            0,
            2,
            "training.data_parallel: expected a number that divides the 3 devices of --devices, "
            "received 2",
        ),
        (
            gpus(0, 1, 2),
            2,
            1,
            "--workers: expected a number that divides 3 groups of 1 devices of --devices, "
            "received 2",
        ),
        (
            tpus(0, 1),
            3,
            1,
            "--workers: expected at most 2: a TPU chip of --devices belongs to one process, "
            "received 3",
        ),
        (
            tpus(0, 1, 2),
            1,
            1,
            "--devices: expected 1, 2, 4 or 8 TPU chips for each worker, received 3",
        ),
    ],
)
def test_impossible_divisions_raise_an_error(available, workers, per_run, line):
    assert error_message(devices.deal, available, workers=workers, per_run=per_run, cores=8) == line


# Environment of a worker


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_environment_has_text_values_and_names_the_engine(engine):
    for available in (cpus(2), gpus(0, 1), tpus(0)):
        variables = devices.environment(available, engine=engine, inherited={})
        assert variables["KERAS_BACKEND"] == engine
        assert all(isinstance(value, str) for value in variables.values())


def test_gpu_workers_see_only_their_gpus():
    variables = devices.environment(gpus(0, 3), engine="jax", inherited={})
    assert variables == {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cuda,cpu",
        "CUDA_VISIBLE_DEVICES": "0,3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


@pytest.mark.parametrize(
    ("visible", "expected"), [("3,1,2", "3,2"), ("GPU-0a, GPU-0b,MIG-0c", "GPU-0a,MIG-0c")]
)
def test_gpus_keep_the_names_that_the_user_gave_them(visible, expected):
    inherited = {"CUDA_VISIBLE_DEVICES": visible}
    variables = devices.environment(gpus(0, 2), engine="tensorflow", inherited=inherited)
    assert variables["CUDA_VISIBLE_DEVICES"] == expected


@pytest.mark.parametrize(
    ("available", "chips", "bounds"),
    [
        (tpus(2), "2", "1,1,1"),
        (tpus(2, 3), "2,3", "1,2,1"),
        (tpus(4, 5, 6, 7), "4,5,6,7", "2,2,1"),
        (tpus(*range(8)), "0,1,2,3,4,5,6,7", "2,4,1"),
    ],
)
def test_tpu_workers_see_only_their_chips(available, chips, bounds):
    variables = devices.environment(available, engine="tensorflow", inherited={})
    assert variables == {
        "KERAS_BACKEND": "tensorflow",
        "JAX_PLATFORMS": "tpu,cpu",
        "TPU_VISIBLE_CHIPS": chips,
        "TPU_VISIBLE_DEVICES": chips,
        "TPU_CHIPS_PER_PROCESS_BOUNDS": bounds,
        "TPU_CHIPS_PER_HOST_BOUNDS": bounds,
        "TPU_PROCESS_BOUNDS": "1,1,1",
        "TPU_HOST_BOUNDS": "1,1,1",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",
    }


def test_chips_keep_the_numbers_that_the_user_gave_them():
    for variable in ("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES"):
        variables = devices.environment(tpus(1), engine="jax", inherited={variable: "2,3"})
        assert variables["TPU_VISIBLE_CHIPS"] == variables["TPU_VISIBLE_DEVICES"] == "3"


def test_cpu_workers_see_no_accelerators():
    for engine in ("tensorflow", "jax"):
        variables = devices.environment(
            cpus(1), engine=engine, inherited={"CUDA_VISIBLE_DEVICES": "0"}
        )
        assert (variables["CUDA_VISIBLE_DEVICES"], variables["JAX_PLATFORMS"]) == ("-1", "cpu")
    variables = devices.environment(cpus(1), engine="tensorflow", inherited={})
    assert variables["TPU_SKIP_MDS_QUERY"] == "1"
    assert not os.path.exists(variables["TPU_LIBRARY_PATH"])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (None, "--xla_force_host_platform_device_count=2"),
        ("", "--xla_force_host_platform_device_count=2"),
        (
            "--xla_dump_to=/tmp/x ",
            "--xla_dump_to=/tmp/x --xla_force_host_platform_device_count=2",
        ),
    ],
)
def test_xla_flags_of_the_user_are_kept(flags, expected):
    inherited = {} if flags is None else {"XLA_FLAGS": flags}
    variables = devices.environment(cpus(2), engine="jax", inherited=inherited)
    assert variables["XLA_FLAGS"] == expected
    for available, engine in ((cpus(2), "tensorflow"), (gpus(0), "jax"), (tpus(0), "jax")):
        assert "XLA_FLAGS" not in devices.environment(available, engine=engine, inherited=inherited)


def test_a_file_of_xla_flags_raises_an_error():
    inherited = {"XLA_FLAGS": "flags.txt"}
    line = error_message(devices.environment, cpus(1), engine="jax", inherited=inherited)
    assert line.startswith("XLA_FLAGS: ")
    assert line.endswith("received flags.txt")


# The effect of the environment in real processes


def run_as_worker(code, worker_devices, engine, **inherited):
    """Runs code in a new Python process with a worker's environment; returns the printed words."""
    variables = devices.environment(worker_devices, engine=engine, inherited=inherited)
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | inherited | variables | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


# Variables that a user may have set; those of the worker override them.
USER_VARIABLES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "tpu"}


def test_jax_sees_the_logical_cpu_devices():
    pytest.importorskip("jax")
    code = "import jax, keras; print(keras.backend.backend(), *(d.platform for d in jax.devices()))"
    assert run_as_worker(code, cpus(3), "jax", **USER_VARIABLES) == ["jax", "cpu", "cpu", "cpu"]


_BUSY_THREADS = """
import pathlib
import jax, jax.numpy as jnp

def ticks():  # of processor time, user and system, per thread
    times = {}
    for task in pathlib.Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        times[task.name] = int(fields[11]) + int(fields[12])
    return times

product = jax.jit(lambda x: x @ x)
x = jnp.ones((1500, 1500))
product(x).block_until_ready()
before = ticks()
for _ in range(8):
    product(x).block_until_ready()
spent = [now - before.get(task, 0) for task, now in ticks().items()]
print(len(jax.devices()), max(spent) / sum(spent))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux")
def test_jax_computes_with_one_thread_on_one_device():
    pytest.importorskip("jax")
    count, share = run_as_worker(_BUSY_THREADS, cpus(1), "jax", **USER_VARIABLES)
    assert count == "1"
    assert float(share) > 0.9


def test_tensorflow_is_the_backend_and_sees_only_the_cpu():
    pytest.importorskip("tensorflow")
    code = (
        "import keras, tensorflow as tf; print(keras.backend.backend(), "
        "*(d.device_type for d in tf.config.list_physical_devices()))"
    )
    assert run_as_worker(code, cpus(1), "tensorflow", KERAS_BACKEND="jax") == ["tensorflow", "CPU"]


def test_importing_imports_neither_engine_nor_numpy():
    code = (
        "import sys, memkit.training.devices; "
        "print(*{'numpy', 'keras', 'jax', 'tensorflow', 'absl'} & set(sys.modules))"
    )
    path = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    assert run_as_worker(code, cpus(1), "jax", **path) == []
