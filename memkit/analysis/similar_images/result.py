"""Result of the question which images are alike."""

import dataclasses

from memkit.analysis.results import arrays
from memkit.typing import BoolArray, FloatArray, IntArray

FEATURES, PIXELS = "features", "pixels"


@dataclasses.dataclass(frozen=True, eq=False)
class SimilarExamples:
    """Neighbors of N train and T test examples, and P pairs of near-duplicates.

    Attributes:
      neighbors: [N, k] int, the nearest other train examples of each train example, the nearest
        first; k = 8, or less if there are fewer examples.
      similarity: [N, k] float32, their cosine similarity, at most 1; by features the mean over the
        runs that held the example out, or over all if none did.
      test_neighbors: [T, k] int, the nearest train examples of each test example.
      test_similarity: [T, k] float32, the same; by features the mean over all runs.
      first: [P] int, train example of each pair, those with different labels first, then the most
        alike.
      second: [P] int, the other train or test example.
      in_test: [P] bool, True if the second is a test example.
      likeness: [P] float32, see `estimators.near_duplicates.likeness`, at most 1.
      different_labels: [P] bool, True if the label of the second differs from the given label of
        the first.
    """

    neighbors: IntArray
    similarity: FloatArray
    test_neighbors: IntArray
    test_similarity: FloatArray
    first: IntArray
    second: IntArray
    in_test: BoolArray
    likeness: FloatArray
    different_labels: BoolArray


@dataclasses.dataclass(frozen=True, eq=False)
class SimilarImages:
    """Near-duplicates, and the nearest neighbors of every image.

    Near-duplicates show the same picture with small changes; images with identical pixels are not
    among them.

    Attributes:
      point: name of the point whose networks tell which images are neighbors.
      space: "features" if networks do, "pixels" if no run has recorded features, "" if images were
        not compared, because there are none or too many.
      num_runs: number of runs whose features are used.
      pairs: pairs of near-duplicates within the train examples, or of a train and a test example.
      different_labels: those of them with different labels.
      across: those of them that contain a test example.
      test_examples: test examples that are near-duplicates of train examples.
      examples: None if images were not compared.
    """

    point: str
    space: str
    num_runs: int
    pairs: int
    different_labels: int
    across: int
    test_examples: int
    examples: SimilarExamples | None = arrays()
