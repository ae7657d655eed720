r"""Teachers of several depths on CIFAR-100: Lukasik et al. (TMLR 2024), Table 6.

What: accuracy and memorization of students of every depth. Their teachers have depth 20, 56 and
110, or the depth of the student (`distilled`).

  memkit run --config=cifar100_teacher_depth --workdir=out/cifar100_teachers
From an npz file: --config=cifar100_teacher_depth:npz=FILE
Small version: --config=cifar100_teacher_depth:smoke

Cost: 10,000 models of 15,300 steps with batches of 1,024. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here. By the TPU compiler's estimates, 1,186
chip-hours on v5e (docs/scaling.md).
Expect (described in the paper): lower train and higher test accuracy than with one-hot training.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: teachers of several depths")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=56, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="model.depth", values=(8, 14, 20, 56, 110))
    config.series = (
        "one_hot",
        "distilled",
        "distilled_from_20",
        "distilled_from_56",
        "distilled_from_110",
    )
    if options.smoke:
        config.series = ("one_hot", "distilled", "distilled_from_8")
        common.smoke(config, image_size=8, values=(8,))
    return config
