"""What cleanlab calls and how it ranks, and the two cheap classifiers that can feed it.

`benchmarks.audit` runs this file with the Python of an environment that has cleanlab:

  python -m venv cleanlab && cleanlab/bin/pip install cleanlab==2.9.0 scikit-learn
  cleanlab/bin/python benchmarks/audit_cleanlab.py IN.npz OUT.npz

The file in has `images` [N, H, W, C] uint8, `labels` [N] and out-of-sample probabilities
`probs_<name>` [N, K]. The file out has for every name, and for `logistic` and `knn`, the label
quality `quality_<name>` [N] (higher = less suspect), `called_<name>` [N] bool with cleanlab's
defaults, and `cpu_<name>`, seconds of processor time.
"""

import sys
import time

import numpy as np
import sklearn
from cleanlab import __version__, filter, rank
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

FOLDS, NEIGHBORS, STEPS = 5, 10, 300
CLASSIFIERS = {
    "logistic": LogisticRegression(max_iter=STEPS),
    "knn": KNeighborsClassifier(NEIGHBORS),
}


def main(source: str, target: str) -> None:
    """Reads the one file and writes the other."""
    with np.load(source) as file:
        arrays = dict(file)
    labels = arrays["labels"]
    pixels = arrays["images"].reshape(len(labels), -1) / np.float32(255)
    probs = {key[6:]: value for key, value in arrays.items() if key.startswith("probs_")}
    found: dict[str, object] = {"versions": [f"cleanlab {__version__}", sklearn.__version__]}
    started = time.process_time()
    for name in [*probs, *CLASSIFIERS]:
        if name in CLASSIFIERS:
            splits = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
            probs[name] = cross_val_predict(
                CLASSIFIERS[name], pixels, labels, cv=splits, method="predict_proba"
            )
        found[f"quality_{name}"] = rank.get_label_quality_scores(labels, probs[name])
        found[f"called_{name}"] = filter.find_label_issues(labels, probs[name], n_jobs=1)
        now = time.process_time()
        found[f"cpu_{name}"], started = now - started, now
    np.savez(target, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
