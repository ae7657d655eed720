"""Small published files, written one value at a time, and the truths they were made from."""

import numpy as np

CLASSES, TRAIN, TEST, RUNS = 3, 30, 12, 25


class World:
    """Outcomes of made-up runs, and slow loops over them."""

    def __init__(self, seed=0):
        draw = np.random.default_rng(seed)
        self.train_labels = draw.integers(0, CLASSES, TRAIN)
        self.test_labels = np.arange(TEST) % CLASSES
        self.mask = draw.random((RUNS, TRAIN)) < 0.7
        self.correct = draw.random((RUNS, TRAIN)) < np.where(self.mask, 0.95, 0.5)
        self.test_correct = draw.random((RUNS, TEST)) < 0.6

    def memorization(self, i):
        inside = [self.correct[m, i] for m in range(RUNS) if self.mask[m, i]]
        outside = [self.correct[m, i] for m in range(RUNS) if not self.mask[m, i]]
        if not inside or not outside:
            return float("nan")
        return sum(inside) / len(inside) - sum(outside) / len(outside)

    def influence(self, i, j):
        inside = [self.test_correct[m, j] for m in range(RUNS) if self.mask[m, i]]
        outside = [self.test_correct[m, j] for m in range(RUNS) if not self.mask[m, i]]
        return sum(inside) / len(inside) - sum(outside) / len(outside)

    def memorizations(self):
        return np.array([self.memorization(i) for i in range(TRAIN)])

    def pairs(self, *, same_class):
        """Returns [(train, test, influence, memorization)] above the published thresholds."""
        result = []
        for i in range(TRAIN):
            for j in range(TEST):
                if same_class and self.train_labels[i] != self.test_labels[j]:
                    continue
                if self.influence(i, j) >= 0.15 and self.memorization(i) >= 0.25:
                    result.append((i, j, self.influence(i, j), self.memorization(i)))
        return result

    def write_pairs(self, path):
        train, test, influence, memorization = zip(*self.pairs(same_class=True), strict=True)
        np.savez(path, tr_idx=train, tt_idx=test, infl=influence, mem=memorization)

    def write_classwise(self, path):
        arrays = {
            "tr_mem": self.memorizations(),
            "tr_labels": self.train_labels,
            "tt_labels": self.test_labels,
        }
        for k in range(CLASSES):
            train = [i for i in range(TRAIN) if self.train_labels[i] == k]
            test = [j for j in range(TEST) if self.test_labels[j] == k]
            arrays[f"tr_classidx_{k}"] = train
            arrays[f"tt_classidx_{k}"] = test
            matrix = [[self.influence(i, j) for j in test] for i in train]
            arrays[f"infl_matrix_class{k}"] = matrix
        np.savez(path, **arrays)

    def write_index(self, path):
        names = [f"n0{label}/n0{label}_{i}.JPEG" for i, label in enumerate(self.train_labels)]
        np.savez(
            path,
            tr_filenames=np.array(names, "S"),
            tr_labels=self.train_labels,
            tt_filenames=np.array([f"val_{j}.JPEG" for j in range(TEST)], "S"),
            tt_labels=self.test_labels,
            tr_mem=self.memorizations(),
        )

    def write_tree(self, folder, *, ratio="0.7"):
        draw = np.random.default_rng(7)
        for m in range(RUNS):
            run = folder / "toy" / ratio / str(m)
            run.mkdir(parents=True)
            inside = draw.permutation(np.flatnonzero(self.mask[m]))
            outside = draw.permutation(np.flatnonzero(~self.mask[m]))
            np.savez(
                run / "aux_arrays.npz",
                subsample_idx=draw.permutation(inside),
                index_train=inside,
                correctness_train=self.correct[m, inside],
                index_removed=outside,
                correctness_removed=self.correct[m, outside],
                index_test=np.arange(TEST),
                correctness_test=self.test_correct[m],
            )
        return folder / "toy"
