"""The sentence about activations that no chip has room for."""

import pytest
from memkit.configs import imagenet_resnet50
from memkit.launch import stages, values

from memkit.sweeps import placement
from memkit.tpu_check import check, fitting

GIB = 2**30


def test_the_point_that_keeps_most_is_named_with_the_chips_that_lack_room():
    kept = {"small": (3 * GIB, GIB), "large": (17 * GIB, 12 * GIB)}
    assert fitting.sentence(kept, remat=False) == (
        "large: about 17 GiB of activations on a device, more than v5e (15.75 GiB) has; the "
        "compiler may compute some of them again to make room, which `memkit tpu_check` finds out"
    )
    assert fitting.sentence(kept, remat=True) == ""
    assert fitting.sentence({"small": kept["small"]}, remat=False) == ""


@pytest.mark.slow
def test_plan_says_that_the_activations_of_imagenet_need_a_larger_chip():
    config = values.resolved(imagenet_resnet50.get_config(), None, ())
    config["training"].update(precision="float32", remat=False)
    job = check.prepare(config, topology="v5e:2x2").job
    placed = placement.place(data_parallel=1, engine="jax", devices="cpu", workers=1)
    line = stages.warning_of_memory(job.study, job, placed)
    assert line.startswith("one_hot: about 37.1 GiB of activations")
    assert "v5e (15.75 GiB), v6e (31.25 GiB) have;" in line
