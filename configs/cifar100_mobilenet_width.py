r"""CIFAR-100 along the width of MobileNet-v3: Lukasik et al. (TMLR 2024), appendix.

What: repeats cifar100_resnet_depth with the second model family of the paper. The paper does not
publish its width multipliers; those here are our choice.

  memkit run --config=cifar100_mobilenet_width --workdir=out/cifar100_mobilenet
From an npz file: --config=cifar100_mobilenet_width:npz=FILE
Small version: --config=cifar100_mobilenet_width:smoke

Cost: 2,000 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 437
chip-hours on v5e (docs/scaling.md).
Expect: the same picture as for ResNets.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: MobileNet-v3 along width")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(
        name="mobilenet_v3", variant="large", alpha=1.0, minimalistic=False, resolution=32
    )
    common.lukasik_cifar(config)
    config.axis = dict(field="model.alpha", values=(0.25, 0.5, 0.75, 1.0, 1.5))
    if options.smoke:
        config.model.variant = "small"
        common.smoke(config, image_size=32, values=(0.25, 0.5))
    return config
