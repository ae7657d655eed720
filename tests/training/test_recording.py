"""What a record says of the machine that trained its run."""

import pytest

from memkit.training import recording


@pytest.mark.parametrize(
    ("device", "variables", "precision"),
    [
        ("NVIDIA H100", {}, "bfloat16"),
        ("NVIDIA H100", {"NVIDIA_TF32_OVERRIDE": "0"}, "bfloat16 with NVIDIA_TF32_OVERRIDE=0"),
        ("CPU", {"NVIDIA_TF32_OVERRIDE": "0"}, "bfloat16"),
        (
            "TPU v5 lite",
            {"JAX_DEFAULT_MATMUL_PRECISION": "float32", "NVIDIA_TF32_OVERRIDE": "0"},
            "bfloat16 with JAX_DEFAULT_MATMUL_PRECISION=float32 and NVIDIA_TF32_OVERRIDE=0",
        ),
    ],
)
def test_the_precision_names_the_variables_that_change_it_except_on_a_cpu(
    monkeypatch, device, variables, precision
):
    for name in ("JAX_DEFAULT_MATMUL_PRECISION", "NVIDIA_TF32_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = recording.environment_of("made_up", device=device, precision="bfloat16", versions={})
    assert (made["device"], made["precision"]) == (device, precision)
