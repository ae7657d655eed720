import importlib.metadata

import pytest

from memkit.errors import InputError
from memkit.training import installation

JAX_GPU = ("jaxlib", "jax_cuda12_plugin")
JAX_TPU = ("jaxlib", "libtpu")


@pytest.fixture
def site(tmp_path):
    """Returns a function from names of distributions to a path that has only their metadata."""

    def install(names):
        for name in names:
            folder = tmp_path / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        return [str(tmp_path)]

    return install


def error_message(engine, kind, path):
    with pytest.raises(InputError) as error:
        installation.check(engine, kind, path=path)
    (line,) = str(error.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("engine", "names", "kinds"),
    [
        ("tensorflow", ["tensorflow_cpu"], {"cpu"}),
        ("tensorflow", ["tensorflow"], {"cpu", "gpu"}),
        ("tensorflow", ["tf_nightly"], {"cpu", "gpu"}),
        ("tensorflow", ["tensorflow_tpu", "libtpu"], {"cpu", "tpu"}),
        ("tensorflow", ["tensorflow_cpu", *JAX_TPU], {"cpu"}),
        ("tensorflow", JAX_TPU, set()),
        ("tensorflow", ["tensorflow", "tensorflow_cpu"], set()),
        ("jax", ["jaxlib"], {"cpu"}),
        ("jax", JAX_GPU, {"cpu", "gpu"}),
        ("jax", ["jaxlib", "jax_cuda13_plugin"], {"cpu", "gpu"}),
        ("jax", JAX_TPU, {"cpu", "tpu"}),
        ("jax", ["tensorflow_cpu"], set()),
    ],
)
def test_usable_kinds_follow_from_the_installed_distributions(site, engine, names, kinds):
    assert installation.usable(engine, path=site(names)) == kinds


@pytest.mark.parametrize("kind", ["cpu", "gpu", "tpu"])
def test_the_command_uninstalls_all_of_several_tensorflows(site, kind):
    line = error_message("tensorflow", kind, site(["tensorflow", "tensorflow_tpu"]))
    assert line == (
        f"--engine=tensorflow --devices={kind}: expected exactly one TensorFlow that supports the "
        f"{kind.upper()} (fix with `pip uninstall -y tensorflow tensorflow-tpu && "
        f"pip install -e '.[{kind}]'` in your clone of memkit), received tensorflow, tensorflow-tpu"
    )


@pytest.mark.parametrize(
    ("engine", "kind", "names", "expectation", "extra", "received"),
    [
        ("tensorflow", "cpu", JAX_TPU, "exactly one TensorFlow", "cpu", "none"),
        ("tensorflow", "gpu", ["tensorflow_cpu"], "supports the GPU", "gpu", "tensorflow-cpu"),
        ("jax", "cpu", [], "jaxlib", "jax", "none"),
        ("jax", "gpu", JAX_TPU, "jax-cuda12-plugin or jax-cuda13-plugin", "jax-gpu", "none"),
        ("jax", "tpu", JAX_GPU, "libtpu", "jax-tpu", "none"),
    ],
)
def test_the_command_installs_the_extra_of_the_engine_and_device(
    site, engine, kind, names, expectation, extra, received
):
    line = error_message(engine, kind, site(names))
    assert expectation in line
    assert f"pip install -e '.[{extra}]'` in your clone of memkit)" in line
    assert line.endswith(f"received {received}")
    assert extra in importlib.metadata.metadata("memkit").get_all("Provides-Extra")


def test_this_python_can_use_the_cpu():
    assert "cpu" in installation.usable("tensorflow")
