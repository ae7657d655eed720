"""A study whose held-out runs mostly predict true labels, and the other runs given labels."""

import numpy as np
import scipy.special

from memkit import records, studies
from memkit.seeds import stream
from tests.info import INFO


def record(study, seed=0):
    """Writes all runs of all points; the votes overrule planted labels only."""
    draw = stream(seed, "tests/recorded_votes")
    given, true = study.examples.given_labels, study.examples.train_labels
    rows = np.arange(study.sizes.train)
    for point in study.points:
        for run, mask in enumerate(study.train_mask):
            sizes = study.sizes_at(point, run)
            arrays = {
                name: np.zeros(shape, dtype)
                for name, (dtype, shape) in records.array_specs(sizes).items()
            }
            logits = draw.normal(size=(sizes.train, sizes.classes))
            logits[rows, np.where(mask, given, true)] += 5
            probs = scipy.special.softmax(logits, axis=1)
            predicted = logits.argmax(axis=1)
            arrays["train_predicted"] = predicted.astype(arrays["train_predicted"].dtype)
            arrays["train_correct"] = predicted == given
            arrays["train_logodds"] = scipy.special.logit(probs[rows, given]).astype(np.float16)
            if "train_probs" in arrays:
                arrays["train_probs"] = probs.astype(np.float16)
            studies.write_record(study, point, run, arrays, INFO)
    return study
