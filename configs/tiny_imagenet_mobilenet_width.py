r"""Tiny-ImageNet along the width of MobileNet-v3: Lukasik et al. (TMLR 2024), appendix.

What: repeats tiny_imagenet_resnet_depth with the second model family of the paper.

  memkit run --config=tiny_imagenet_mobilenet_width --workdir=out/tiny_mobilenet \
    --config.dataset.path=DIR/tiny-imagenet-200.zip
Small version: --config=tiny_imagenet_mobilenet_width:smoke

Cost: 2,000 models of 24,570 steps with batches of 256. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 196
chip-hours on v5e (docs/scaling.md).
Expect: the same picture as for ResNets.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="Tiny-ImageNet: MobileNet-v3 along width")
    config.dataset = common.real_data(options, "tiny_imagenet", path="tiny-imagenet-200.zip")
    config.model = dict(
        name="mobilenet_v3", variant="large", alpha=1.0, minimalistic=False, resolution=64
    )
    common.lukasik_tiny_imagenet(config)
    config.axis = dict(field="model.alpha", values=(0.25, 0.5, 0.75, 1.0, 1.5))
    if options.smoke:
        config.model.variant = "small"
        common.smoke(config, image_size=64, values=(0.25, 0.5))
    return config
