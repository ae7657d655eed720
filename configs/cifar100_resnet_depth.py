r"""CIFAR-100 along the depth of the 6n+2 ResNets: Lukasik et al. (TMLR 2024), Figures 1 to 3.

What: mean memorization, score distributions and trajectories against depth, with the recipe of
Table 4 and 400 subsets of 70%. The paper does not publish its list of depths; those here are the
usual ones of the family.

  memkit run --config=cifar100_resnet_depth --workdir=out/cifar100_resnet_depth
From an npz file: --config=cifar100_resnet_depth:npz=FILE
Small version: --config=cifar100_resnet_depth:smoke

Cost: 2,800 models of 15,300 steps with batches of 1,024 (34 steps per epoch; the remainder of the
35,000 examples is dropped). `memkit plan` estimates 2,800 hours on one core of an AMD EPYC for
depth 8 alone, so use an accelerator. By the TPU compiler's estimates, 236 chip-hours on v5e
(docs/scaling.md). The arithmetic alone is a lower bound: 30.7 chip-hours on v5e, 6.6 on v6e.
Expect (described in the paper): mean memorization rises up to about depth 20 and then falls, and
the distribution becomes more bimodal.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="CIFAR-100: ResNets along depth")
    config.dataset = common.real_data(options, "cifar100")
    config.model = dict(name="resnet", depth=56, width=16)
    common.lukasik_cifar(config)
    config.axis = dict(field="model.depth", values=(8, 14, 20, 32, 44, 56, 110))
    return common.smoke(config, image_size=16, values=(8, 14)) if options.smoke else config
