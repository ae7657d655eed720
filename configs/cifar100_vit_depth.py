r"""CIFAR-100 along the depth of a Vision Transformer.

What: repeats cifar100_resnet_depth with a family that is not in the papers. The network is the Ti
of DeiT (Touvron et al. 2021: width 192, 3 heads), with patches of 4 pixels in place of 16. At depth
12 it has the size of DeiT-Ti. Optimizer, weight decay and learning rate are those of DeiT for
batches of 512; the epochs, the augmentation and the depths are our choice.

  memkit run --config=cifar100_vit_depth --workdir=out/cifar100_vit_depth
From an npz file: --config=cifar100_vit_depth:npz=FILE
Small version: --config=cifar100_vit_depth:smoke

Cost: 2,000 models of 13,600 steps with batches of 512. `memkit plan` measures the hours on your
device; they were not measured on an accelerator here.
Expect (not measured): lower test accuracy than with ResNets, since Transformers need more data or
stronger augmentation, and therefore more memorization where the training examples are fitted.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: Vision Transformers along depth")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="vit", depth=12, width=192, patch=4, head_width=64)
    config.optimizer = dict(name="adamw", weight_decay=0.05)
    config.schedule = dict(name="cosine", peak=5e-4, warmup_epochs=10.0)
    config.training = common.training(
        epochs=200, batch_size=512, augment="pad_crop_flip", precision="bfloat16"
    )
    config.axis = dict(field="model.depth", values=(2, 4, 6, 9, 12))
    if options.smoke:
        config.model.update(width=16, head_width=8)
        common.smoke(config, image_size=16, values=(1, 2))
    return config
