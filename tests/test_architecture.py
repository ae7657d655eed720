"""Rules of the code that a parser can check: floors, imports, sizes, forbidden spellings.

Each test collects the violations of one rule over all modules, as {module: what violates it}.
"""

import ast
import functools
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest

from memkit import studies

ROOT = pathlib.Path(__file__).parent.parent

# An import points down or stays on its floor.
FLOORS = {
    "seeds": 0,
    "storage": 0,
    "errors": 0,
    "output": 0,
    "printable": 0,
    "rules": 0,
    "system_files": 0,
    "machine": 0,
    "temporary_files": 0,
    "system_errors": 0,
    "big_arrays": 0,
    "typing": 0,
    "defaults": 0,
    "tables": 0,
    "data": 1,
    "models": 1,
    "subsets": 1,
    "optimizers": 1,
    "recipe": 1,
    "keras_schedules": 1,
    "records": 1,
    "estimators": 1,
    "proxies": 1,
    "trajectories": 1,
    "charts": 1,
    "comparisons": 1,
    "studies": 2,
    "training": 2,
    "sweeps": 3,
    "report": 3,
    "analysis": 3,
    "scores": 3,
    "audits": 3,
    "compiled": 3,
    "tpu_check": 3,
    "cli": 4,
    "launch": 4,
    "configs": 4,
}
ENGINES = {
    f"memkit.training.engines.{name}"
    for name in (
        "jax",
        "jax_pack",
        "jax_run",
        "tensorflow",
        "tensorflow_model",
        "tensorflow_replicas",
    )
} | {"memkit.tpu_check.lowering"}
HEAVY = ("tensorflow", "keras", "jax", "torch")
MODULE_LINES, FUNCTION_LINES = 300, 60


def _modules():
    """Returns {module name: file} of everything that installs."""
    files_by_name = {}
    for folder, package in (
        ("memkit", "memkit"),
        ("launch", "memkit.launch"),
        ("configs", "memkit.configs"),
    ):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            files_by_name[".".join((package, *parts))] = file
    return files_by_name


MODULES = _modules()


@functools.cache
def _tree(name):
    return ast.parse(MODULES[name].read_text())


def _part(name):
    """Returns the part of the house a module belongs to; None for the package itself."""
    return name.split(".")[1] if "." in name else None


def _imports(name):
    """Returns the full names a module imports, also inside of functions."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _calls(name):
    return (node for node in ast.walk(_tree(name)) if isinstance(node, ast.Call))


def _violations(rule: Callable[[str], Iterable[object]]) -> dict[str, list[object]]:
    """Returns {module: violations} of the modules that violate a rule."""
    by_module = {name: list(rule(name)) for name in MODULES}
    return {name: violations for name, violations in by_module.items() if violations}


def test_every_part_has_a_floor():
    assert {_part(name) for name in MODULES} - {None} == set(FLOORS)


def test_imports_point_down_only():
    def imported_from_above(name):
        if _part(name) is None:  # It imports names when they are first used, see below.
            return []
        of_memkit = [imported for imported in _imports(name) if imported.split(".")[0] == "memkit"]
        return [i for i in of_memkit if i == "memkit" or FLOORS[_part(i)] > FLOORS[_part(name)]]

    assert _violations(imported_from_above) == {}


_IMPORT_MEMKIT = """
import sys
before = set(sys.modules)
import memkit
print(*sorted(set(sys.modules) - before - {"memkit"} - sys.stdlib_module_names))
assert memkit.Scores is memkit.Scores and {"load", "Scores"} <= set(dir(memkit))
print(*sorted({"memkit.scores", "altair", *sys.argv[1:]} & set(sys.modules)))
"""


def test_importing_memkit_imports_no_part_of_it_and_its_names_no_engine():
    command = [sys.executable, "-c", _IMPORT_MEMKIT, *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    at_import, at_use = done.stdout.splitlines()
    assert not [
        name for name in at_import.split() if not name.startswith(("collections.", "typing."))
    ]
    assert at_use == "memkit.scores"


def test_studies_import_nothing_of_training():
    def of_training(name):
        training = [i for i in _imports(name) if i.startswith("memkit.training")]
        return training if _part(name) == "studies" else []

    assert _violations(of_training) == {}


def test_only_their_users_import_engines():
    for name in MODULES:
        roots = {imported.split(".")[0] for imported in _imports(name)} & set(HEAVY)
        allowed = {
            "memkit.models",
            "memkit.optimizers",
            "memkit.keras_schedules",
            "memkit.training",
            "memkit.compiled",
        }
        if roots and name not in ENGINES:
            assert any(name.startswith(package) for package in allowed), name


_IMPORT_ALL = """
import importlib, os, sys
heavy, shared, apart = (set(word.split(",")) - {""} for word in sys.argv[1:])

def check(name):
    importlib.import_module(name)
    found = heavy & set(sys.modules)
    if found:
        print(f"{name} imports {sorted(found)}", file=sys.stderr)
        os._exit(1)

for name in sorted(shared):
    check(name)
for name in sorted(apart):
    child = os.fork()
    if not child:
        check(name)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{name} failed")
"""


def _import_all(shared, apart=(), heavy=HEAVY):
    """Imports modules in a fresh process and returns its complaints, "" if there are none.

    Those of `apart` are imported on top of the others in a fork each: two verbs would define the
    same flags twice.
    """
    arguments = [",".join(names) for names in (heavy, shared, apart)]
    command = [sys.executable, "-c", _IMPORT_ALL, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


LAYERS_OF_KERAS = {"memkit.models.custom_layers", "memkit.models.one_pass"}
VERBS = {
    name
    for name in MODULES
    if name.startswith("memkit.launch.")
    and name not in ("memkit.launch.flags", "memkit.launch.stages")
}


def test_everything_but_the_engines_imports_no_engine():
    others = set(MODULES) - ENGINES - VERBS - LAYERS_OF_KERAS
    assert _import_all(others, apart=VERBS) == ""


@pytest.mark.slow
def test_every_module_can_be_the_first_one_imported():
    """On top of packages of others, which take most of the time and know no module of memkit."""
    packages = {"absl.app", "altair", "jinja2", "ml_collections", "numpy", "scipy.stats"}
    assert _import_all(packages, apart=set(MODULES) - ENGINES - LAYERS_OF_KERAS) == ""


_READ_A_STUDY = """
import sys
from memkit import estimators, records, studies, subsets
study = studies.load(sys.argv[1])
runs = studies.read_runs(study, study.points[0], ("train_correct",))
studies.thumbnails(study)
import memkit.scores, memkit.report.gather
print(*(name for name in sys.modules if name.startswith("memkit.training")))
"""


def test_reading_a_study_loads_nothing_of_training(tmp_path, make_config, tiny):
    study = studies.open_or_create(tmp_path / "study", make_config(), tiny)
    command = [sys.executable, "-c", _READ_A_STUDY, str(study.workdir)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_heavy_import_is_noticed_with_its_culprit():
    assert _import_all(["memkit.seeds"], heavy=["numpy"]) == "memkit.seeds imports ['numpy']\n"
    assert "memkit.seeds failed" in _import_all([], apart=["memkit.seeds"], heavy=["numpy"])


def test_modules_have_at_most_300_lines():
    lengths = {name: len(file.read_text().splitlines()) for name, file in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def _functions(name):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return (node for node in ast.walk(_tree(name)) if isinstance(node, kinds))


def _length(function):
    """Returns the number of lines without the docstring, nested functions included."""
    first = function.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_functions_have_at_most_60_lines():
    def long_functions(name):
        lengths = {function.name: _length(function) for function in _functions(name)}
        return [item for item in lengths.items() if item[1] > FUNCTION_LINES]

    assert _violations(long_functions) == {}


def test_lines_have_at_most_100_characters():
    def long_lines(name):
        lines = MODULES[name].read_text().splitlines()
        return [number for number, line in enumerate(lines, 1) if len(line) > 100]

    assert _violations(long_lines) == {}


def test_get_is_never_called_with_a_default():
    def defaults(name):
        for call in _calls(name):
            is_get = isinstance(call.func, ast.Attribute) and call.func.attr == "get"
            if is_get and len(call.args) + len(call.keywords) > 1:
                yield call.lineno

    assert _violations(defaults) == {}


def test_library_has_no_bare_assert():
    def asserts(name):
        return [node.lineno for node in ast.walk(_tree(name)) if isinstance(node, ast.Assert)]

    assert _violations(asserts) == {}


def test_only_launch_and_cli_import_flags():
    def flags(name):
        if _part(name) not in ("launch", "cli"):
            names = _imports(name)
            return [i for i in names if i.startswith("absl.flags") or "config_flags" in i]
        return []

    assert _violations(flags) == {}


def test_only_shared_flags_are_defined():
    for name in MODULES:
        defined = [
            call.lineno
            for call in _calls(name)
            if isinstance(call.func, ast.Attribute) and call.func.attr.startswith("DEFINE")
        ]
        assert bool(defined) == (name == "memkit.launch.flags"), f"{name}: lines {defined}"


def test_randomness_comes_from_seeds():
    def other_randomness(name):
        if name == "memkit.seeds":
            return
        yield from ({"random"} & set(_imports(name)))
        for node in ast.walk(_tree(name)):
            if isinstance(node, ast.Attribute):
                text = ast.unparse(node)
                is_drawn = text.startswith(("np.random.", "numpy.random.", "tf.random."))
                if is_drawn and text != "np.random.Generator":  # The name of a type.
                    yield f"{text} in line {node.lineno}"

    assert _violations(other_randomness) == {}


def test_modules_and_public_names_have_docstrings():
    def undocumented(name):
        tree = _tree(name)
        kinds = (ast.FunctionDef, ast.ClassDef)
        public = [n for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")]
        names = {n.name for n in public if ast.get_docstring(n) is None}
        module = set() if ast.get_docstring(tree) else {"the module itself"}
        return (names | module) - {"main", "get_config"}

    assert _violations(undocumented) == {}


def test_classes_are_dataclasses_protocols_exceptions_or_plain():
    bases = {"Exception", "InputError", "ValueError", "NamedTuple", "Protocol", "TypedDict"}
    allowed = {*bases, *(f"typing.{name}" for name in bases), "logging.Formatter"}
    allowed |= {"flags.ArgumentParser", "keras.layers.Layer", "keras.layers.BatchNormalization"}

    def derived_classes(name):
        classes = (node for node in ast.walk(_tree(name)) if isinstance(node, ast.ClassDef))
        return [
            c.name
            for c in classes
            if {ast.unparse(base).partition("[")[0] for base in c.bases} - allowed
        ]

    assert _violations(derived_classes) == {}


def test_no_module_is_called_utils():
    assert not [name for name in MODULES if name.rpartition(".")[2] in ("utils", "util", "helpers")]


def test_every_package_is_installed():
    declared = (ROOT / "setup.cfg").read_text()
    for name, file in MODULES.items():
        if file.name == "__init__.py":
            assert f"\n    {name}\n" in declared, name
