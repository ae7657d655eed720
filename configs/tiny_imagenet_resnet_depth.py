r"""Tiny-ImageNet along the depth of ImageNet-style ResNets: Lukasik et al. (TMLR 2024), appendix.

What: repeats cifar100_resnet_depth with the recipe of Table 4 for Tiny-ImageNet. If students are
added, they learn at temperature 1. The paper does not list the depths (18 to 152), the version
(1.5), the 3x3 stem and the padding of 8 pixels; these are our reading.

  memkit run --config=tiny_imagenet_resnet_depth --workdir=out/tiny_depth \
    --config.dataset.path=DIR/tiny-imagenet-200.zip
Small version: --config=tiny_imagenet_resnet_depth:smoke

Cost: 2,000 models of 24,570 steps with batches of 256. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 3,755
chip-hours on v5e (docs/scaling.md). For depths 101 and 152 in float32, a TPU v5e has too little
memory (docs/accelerators.md, "Programs that fit").
Expect: the same picture as on CIFAR-100.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="Tiny-ImageNet: ResNets along depth")
    config.dataset = common.real_data(options, "tiny_imagenet", path="tiny-imagenet-200.zip")
    config.model = dict(name="resnet_imagenet", depth=50, width=64, stem="3x3", version=1.5)
    common.lukasik_tiny_imagenet(config)
    config.axis = dict(field="model.depth", values=(18, 34, 50, 101, 152))
    if options.smoke:
        config.model.width = 4
        common.smoke(config, image_size=16, values=(18, 34))
    return config
