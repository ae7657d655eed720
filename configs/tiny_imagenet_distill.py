r"""Distillation on Tiny-ImageNet, with the recipe of Lukasik et al. (TMLR 2024), Table 4.

What: compares students of several depths with models of the same depth that are trained on the
labels. The student of run m learns from the ResNet-50 of run m, which was trained on the same
subset, with weight 1 and temperature 1. The paper does not list the depths, including the
teacher's, the version (1.5), the 3x3 stem and the padding of 8 pixels; these are our reading.

  memkit run --config=tiny_imagenet_distill --workdir=out/tiny_distill \
    --config.dataset.path=DIR/tiny-imagenet-200.zip
Small version: --config=tiny_imagenet_distill:smoke

Cost: 4,000 models of 24,570 steps with batches of 256. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. For depths 101 and 152 in float32, a TPU v5e
has too little memory (docs/accelerators.md, "Programs that fit").
Expect (described in the paper for CIFAR-100): distillation lowers memorization and train accuracy
and raises test accuracy.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="Tiny-ImageNet: distillation from ResNet-50")
    config.dataset = common.real_data(options, "tiny_imagenet", path="tiny-imagenet-200.zip")
    config.model = dict(name="resnet_imagenet", depth=50, width=64, stem="3x3", version=1.5)
    common.lukasik_tiny_imagenet(config)
    config.axis = dict(field="model.depth", values=(18, 34, 50, 101, 152))
    config.series = ("one_hot", "distilled")
    config.distillation.teacher = "50"
    if options.smoke:
        config.model.width = 4
        config.distillation.teacher = "34"
        common.smoke(config, image_size=16, values=(18, 34))
    return config
