import importlib.metadata

import pytest

from memkit.errors import InputError
from memkit.training import installation

# What `pip install` of the extras brought in November 2026: name of the folder -> version.
TENSORFLOW_CPU = {"tensorflow_cpu": "2.21.0", "tensorflow_metadata": "1.21.0", "protobuf": "7.36.2"}
TENSORFLOW_TPU = {
    "tensorflow_tpu": "2.19.1",
    "libtpu": "0.0.10",
    "tensorflow_metadata": "1.17.3",
    "protobuf": "5.29.6",
}
JAX = {"jax": "0.10.2", "jaxlib": "0.10.2"}
JAX_GPU = JAX | {"jax_cuda12_plugin": "0.10.2"}
JAX_TPU = JAX | {"libtpu": "0.0.42.1"}


def _requires(name, version):
    if name != "jax":
        return []
    return [f"jaxlib<={version},>=0.10.1", "numpy>=2.0", 'libtpu==0.0.42.*; extra == "tpu"']


@pytest.fixture
def site(tmp_path):
    """Returns a function ({name: version}) -> path with these distributions, as metadata only."""

    def install(versions):
        for name, version in versions.items():
            folder = tmp_path / f"{name}-{version}.dist-info"
            folder.mkdir()
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            lines += [f"Requires-Dist: {row}" for row in _requires(name, version)]
            (folder / "METADATA").write_text("\n".join(lines) + "\n")
        return [str(tmp_path)]

    return install


def refusal(engine, kind, path):
    """Returns the one line with which an installation is refused."""
    with pytest.raises(InputError) as error:
        installation.check(engine, kind, path=path)
    (line,) = str(error.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("engine", "versions", "kinds"),
    [
        ("tensorflow", TENSORFLOW_CPU, {"cpu"}),
        ("tensorflow", {"tensorflow": "2.20.0"}, {"cpu", "gpu"}),
        ("tensorflow", {"tf_nightly": "2.22.0.dev20261101"}, {"cpu", "gpu"}),
        ("tensorflow", TENSORFLOW_TPU, {"cpu", "tpu"}),
        ("tensorflow", TENSORFLOW_CPU | JAX_TPU, {"cpu"}),
        ("tensorflow", JAX_TPU, set()),
        ("jax", JAX, {"cpu"}),
        ("jax", JAX | {"jaxlib": "0.10.1"}, {"cpu"}),
        ("jax", {"jax": "0.12.1", "jaxlib": "0.12.1"}, {"cpu"}),
        ("jax", JAX_GPU, {"cpu", "gpu"}),
        ("jax", JAX | {"jax_cuda13_plugin": "0.10.2"}, {"cpu", "gpu"}),
        ("jax", JAX_TPU, {"cpu", "tpu"}),
        ("jax", JAX_GPU | JAX_TPU | TENSORFLOW_CPU, {"cpu", "gpu", "tpu"}),
        ("jax", JAX | TENSORFLOW_TPU, {"cpu"}),
        ("jax", TENSORFLOW_CPU, set()),
        ("jax", {"jax": "0.10.2"}, set()),
    ],
)
def test_installation_can_use(site, engine, versions, kinds):
    assert installation.usable(engine, path=site(versions)) == kinds


@pytest.mark.parametrize(
    ("versions", "names"),
    [
        ({"tensorflow": "2.21.0", "tensorflow_cpu": "2.21.0"}, "tensorflow tensorflow-cpu"),
        (TENSORFLOW_TPU | {"tensorflow": "2.20.0"}, "tensorflow tensorflow-tpu"),
        (
            {"tensorflow_intel": "2.18.0", "tf_nightly": "2.22.0.dev1"},
            "tensorflow-intel tf-nightly",
        ),
    ],
)
@pytest.mark.parametrize("kind", installation.KINDS)
def test_several_tensorflows_are_all_removed_before_one_is_installed(site, versions, names, kind):
    line = refusal("tensorflow", kind, site(versions))
    assert line.startswith(f"--engine=tensorflow --devices={kind}: expected one TensorFlow, not")
    assert f"(`pip uninstall -y {names} && pip install 'memkit[{kind}]'` mends it)" in line
    received = line.partition("received ")[2]
    assert [one.split()[0] for one in received.split(", ")] == names.split()


def test_no_tensorflow_is_named(site):
    line = refusal("tensorflow", "cpu", site(JAX))
    assert "`pip install 'memkit[cpu]'`" in line
    assert line.endswith("received none")


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("gpu", "pip uninstall -y tensorflow-cpu && pip install 'memkit[gpu]'"),
        ("tpu", "pip uninstall -y tensorflow-cpu && pip install 'memkit[tpu]'"),
    ],
)
def test_tensorflow_for_the_cpu_uses_nothing_else(site, kind, command):
    line = refusal("tensorflow", kind, site(TENSORFLOW_CPU))
    assert f"`{command}`" in line
    assert line.endswith("received tensorflow-cpu 2.21.0")


def test_ordinary_tensorflow_uses_no_tpu(site):
    line = refusal("tensorflow", "tpu", site({"tensorflow": "2.21.0"} | {"libtpu": "0.0.10"}))
    assert "expected a TensorFlow that can use the TPU" in line


@pytest.mark.parametrize(
    ("tensorflow_tpu", "libtpu", "fits"),
    [
        ("2.19.1", "0.0.10", True),
        ("2.19.1", "0.0.42.1", False),  # of jax[tpu]
        ("2.19.1", "0.0.9", False),
        ("2.20.0", "0.0.14", True),
        ("2.20.0", "0.0.31", True),
        ("2.20.0", "0.0.32", False),
        ("2.20.0", "0.0.32.1", False),
        ("2.20.0", "0.0.51", False),
        ("2.20.0", "0.0.10", False),
    ],
)
def test_tensorflow_tpu_needs_its_own_libtpu(site, tensorflow_tpu, libtpu, fits):
    versions = TENSORFLOW_TPU | {"tensorflow_tpu": tensorflow_tpu, "libtpu": libtpu}
    path = site(versions)
    installation.check("tensorflow", "cpu", path=path)
    if fits:
        installation.check("tensorflow", "tpu", path=path)
        return
    line = refusal("tensorflow", "tpu", path)
    assert "`pip install 'memkit[tpu]'` mends it" in line
    assert line.endswith(f"received libtpu {libtpu}")


def test_tensorflow_tpu_without_libtpu_is_named(site):
    line = refusal("tensorflow", "tpu", site({"tensorflow_tpu": "2.19.1"}))
    assert "expected an installed libtpu" in line


@pytest.mark.parametrize(
    ("metadata", "protobuf", "fits"),
    [
        ("1.17.3", "5.29.6", True),
        ("1.20.0", "5.29.6", True),
        ("1.21.0", "5.29.6", False),
        ("1.22.1", "5.29.6", False),
        ("1.21.0", "6.31.0", True),
        ("1.21.0", "7.36.2", True),
    ],
)
def test_tensorflow_metadata_must_import_beside_tensorflow_tpu(site, metadata, protobuf, fits):
    path = site(TENSORFLOW_TPU | {"tensorflow_metadata": metadata, "protobuf": protobuf})
    if fits:
        assert installation.usable("tensorflow", path=path) == {"cpu", "tpu"}
        return
    line = refusal("tensorflow", "cpu", path)
    assert "`pip install 'memkit[tpu]'` mends it" in line
    assert line.endswith(f"received tensorflow-metadata {metadata}")


@pytest.mark.parametrize("version", ["0.9.2", "0.13.0", "1.0"])
def test_jax_outside_of_the_supported_releases_is_named(site, version):
    line = refusal("jax", "cpu", site({"jax": version, "jaxlib": version}))
    assert "expected jax <0.13,>=0.10 (`pip install 'memkit[jax]'` mends it)" in line
    assert line.endswith(f"received jax {version}")


@pytest.mark.parametrize("jaxlib", ["0.10.0", "0.10.3", "0.11.0"])
def test_jaxlib_that_jax_does_not_ask_for_is_named(site, jaxlib):
    line = refusal("jax", "cpu", site({"jax": "0.10.2", "jaxlib": jaxlib}))
    assert "beside jax 0.10.2" in line
    assert line.endswith(f"received jaxlib {jaxlib}")


def test_jax_without_its_plugin_uses_no_gpu(site):
    line = refusal("jax", "gpu", site(JAX_TPU))
    assert "jax-cuda12-plugin" in line
    assert "`pip install 'memkit[jax-gpu]'`" in line


@pytest.mark.parametrize("cuda", ["cuda12", "cuda13"])
def test_a_plugin_that_jax_would_leave_aside_is_named(site, cuda):
    line = refusal("jax", "gpu", site(JAX | {f"jax_{cuda}_plugin": "0.10.1"}))
    assert "expected the plugin of jaxlib 0.10.2" in line
    assert f"`pip install 'jax[{cuda}]==0.10.2'`" in line
    assert line.endswith(f"received jax-{cuda}-plugin 0.10.1")


def test_jax_without_libtpu_uses_no_tpu(site):
    line = refusal("jax", "tpu", site(JAX_GPU))
    assert "`pip install 'memkit[jax-tpu]'`" in line


def test_jax_and_tensorflow_share_no_tpu(site):
    line = refusal("jax", "tpu", site(JAX | TENSORFLOW_TPU))
    assert "expected libtpu ==0.0.42.* beside jax 0.10.2, and no tensorflow-tpu" in line
    assert line.endswith("received libtpu 0.0.10")


def test_this_python_can_use_the_cpu():
    assert "cpu" in installation.usable("tensorflow")


def test_every_engine_and_kind_of_device_has_its_extra():
    extras = importlib.metadata.metadata("memkit").get_all("Provides-Extra")
    kinds = [(engine, kind) for engine in ("tensorflow", "jax") for kind in installation.KINDS]
    assert list(installation.EXTRAS) == kinds
    assert set(installation.EXTRAS.values()) <= set(extras)
