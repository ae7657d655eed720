r"""CIFAR-100 along the width of ConvNeXt.

What: repeats cifar100_resnet_depth with a family that is not in the papers (Liu et al. 2022). The
network has 12 blocks; at width 40 it has the size of timm's atto. Its first patches are single
pixels, so that the last stage sees 4x4 positions. Optimizer, weight decay and learning rate are
those of the paper for batches of 512; the rest of the recipe and the widths are our choice.

  memkit run --config=cifar100_convnext_width --workdir=out/cifar100_convnext
From an npz file: --config=cifar100_convnext_width:npz=FILE
Small version: --config=cifar100_convnext_width:smoke

Cost: 1,600 models of 13,600 steps with batches of 512. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here.
Expect (not measured): the same picture as for ResNets.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: ConvNeXt along width")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="convnext", depth=12, width=40, patch=1)
    config.optimizer = dict(name="adamw", weight_decay=0.05)
    config.schedule = dict(name="cosine", peak=5e-4, warmup_epochs=10.0)
    config.training = common.training(
        epochs=200, batch_size=512, augment="pad_crop_flip", precision="bfloat16"
    )
    config.axis = dict(field="model.width", values=(10, 20, 40, 80))
    if options.smoke:
        config.model.depth = 6
        common.smoke(config, image_size=8, values=(2, 4))
    return config
