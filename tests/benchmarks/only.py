"""Python code after which a process can import nothing but the packages it is told."""

# numpy, scipy, jax, Keras and etils, and what the last three do not do without.
ENGINE = (
    "numpy",
    "scipy",
    "jax",
    "jaxlib",
    "keras",
    "etils",
    "absl",
    "ml_dtypes",
    "opt_einsum",
    "optree",
    "packaging",
    "rich",
    "typing_extensions",
)


def code(packages):
    """Returns the code that leaves `packages`, the standard library, memkit and benchmarks."""
    own_packages = ("memkit", "benchmarks")
    return f"""
import sys

class Only:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        is_python = root in sys.stdlib_module_names or root.startswith("_sysconfigdata")
        if is_python or root in {(*own_packages, *packages)!r}:
            return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Only, sys.meta_path)
"""
