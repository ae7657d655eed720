r"""Distillation on CIFAR-100: Lukasik et al. (TMLR 2024), Figure 5 and Table 6.

What: compares students of several depths with models of the same depth that are trained on the
labels. The student of run m learns from the ResNet-56 of run m, which was trained on the same
subset, with weight 1 and temperature 3. The paper does not publish its lists of depths; the depths
here, including the teacher's, are our reading.

  memkit run --config=cifar100_distill --workdir=out/cifar100_distill
From an npz file: --config=cifar100_distill:npz=FILE
Small version: --config=cifar100_distill:smoke

Cost: 5,600 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 582
chip-hours on v5e (docs/scaling.md).
Expect (described in the paper): distillation lowers memorization and train accuracy and raises test
accuracy. The reduction is largest for examples with increasing trajectories.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: distillation from ResNet-56")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=56, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="model.depth", values=(8, 14, 20, 32, 44, 56, 110))
    config.series = ("one_hot", "distilled")
    config.distillation.teacher = "56"
    if options.smoke:
        config.distillation.teacher = "14"
        common.smoke(config, image_size=16, values=(8, 14))
    return config
