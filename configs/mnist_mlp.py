r"""MNIST with a 512-256 perceptron: the public demonstration of Feldman & Zhang (NeurIPS 2020).

What: memorization and consistency of 60,000 digits. The optimizer is SGD with plain momentum 0.9
(not Nesterov), learning rate 0.1, batches of 128, 10 epochs and no weight decay.

  memkit run --config=mnist_mlp --workdir=out/mnist
From an npz file: --config=mnist_mlp:npz=FILE
Small version: --config=mnist_mlp:smoke

Cost: 2,000 models of 3,280 steps. `memkit plan` estimates 3.5 hours on 2 cores of an AMD EPYC. By
the TPU compiler's estimates, 0.1 chip-hours on v5e (docs/scaling.md).
Expect: almost all memorization scores are near 0. Consistency correlates with the published
C-scores (rank correlation 0.6 with 40 runs, see docs/results.md).
"""

from memkit.configs import common
from ml_collections import config_dict


def get_config(variant: str = "") -> config_dict.ConfigDict:
    options = common.arguments(variant)
    config = common.study(title="MNIST: 512-256 perceptron")
    config.dataset = common.real_data(options, "mnist")
    config.subsets.num_runs = 2000
    config.model = dict(name="mlp", hidden=(512, 256))
    config.optimizer.update(nesterov=False, weight_decay=0.0)
    config.schedule = dict(name="step", peak=0.1, warmup_epochs=0.0, milestones=(), factor=0.1)
    config.training = common.training(epochs=10, batch_size=128)
    return common.smoke(config, image_size=8, channels=1) if options.smoke else config
