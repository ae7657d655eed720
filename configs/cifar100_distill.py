r"""Distillation on CIFAR-100: Lukasik et al. (TMLR 2024), Figure 5 and Table 6.

What: students along depth against models of their size trained on the labels. The student of run m
learns from the ResNet-56 of run m, which was trained on the same subset; weight 1, temperature 3.
The depths and the teacher's are our reading: the paper's are not public as a list.

  memkit run --config=cifar100_distill --workdir=out/cifar100_distill
From an npz file: --config=cifar100_distill:npz=FILE   Smoke: --config=cifar100_distill:smoke

Cost: 5,600 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; not measured on an accelerator here.
Expect (the paper, in words): distillation lowers memorization and train accuracy and raises test
accuracy; the reduction is largest on examples with increasing trajectories.
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
