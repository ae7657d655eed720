"""The config of a study that has every kind of file; `tiny.py:other` has another seed."""

from memkit.configs import common


def get_config(variant=""):
    config = common.study(title="Tiny")
    config.seed = 1 if variant == "other" else 0
    config.dataset = common.dataset("digits", mean=(0.3,), std=(0.37,))
    config.dataset.train_per_class = 6
    config.dataset.test_per_class = 3
    config.labels.planted_fraction = 0.1
    config.subsets.num_runs = 12
    config.subsets.train_fraction = 0.5
    config.model = dict(name="mlp", hidden=(16,))
    config.schedule = dict(name="cosine", peak=0.1, warmup_epochs=1.0)
    config.training = common.training(epochs=6, batch_size=8)
    config.axis = dict(field="training.epochs", values=(2, 6))
    config.series = ("one_hot", "distilled", "last_layer")
    config.record.all_probs = True
    config.record.history_runs = 12
    return config
