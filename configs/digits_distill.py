r"""Distillation on scikit-learn's digits along the width of a ResNet-8.

What: the distillation experiment of Lukasik et al. (TMLR 2024) on real 8x8 digits, with 8% of the
training labels flipped on purpose. The teachers have width 16. The student of run m learns only
from the teacher of run m.

  memkit run --config=digits_distill --workdir=out/digits_distill
Small version: --config=digits_distill:smoke

Cost: 240 models, tens of minutes on 2 CPU cores; docs/results.md has the time and the machine.
Expect: students memorize less than models of the same size that are trained on the labels, and they
are more accurate on the test set. docs/results.md has the printed numbers.
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="Digits: distillation from width 16")
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.labels.planted_fraction = 0.08
    config.subsets.num_runs = 40
    config.model = dict(name="resnet", depth=8, width=16)
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=1.0)
    config.training = common.training(epochs=25, batch_size=64)
    config.axis = dict(field="model.width", values=(2, 4, 16))
    config.series = ("one_hot", "distilled")
    config.distillation.teacher = "16"
    if options.smoke:
        config.subsets.num_runs = 20
        config.axis.values = (2, 4)
        config.distillation.teacher = "4"
        config.training.epochs = 4
    return config
