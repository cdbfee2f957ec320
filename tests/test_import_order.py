"""Layout of the project: imports point one way, files and functions stay small, nothing else lies at the top level."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"fact_jax", "configs", "data_pipelines", "tests", "main.py", "requirements.txt", "README.md", "LICENSE"}
# A module may import modules of lower levels and of its own package.
LEVELS = {
    "fact_jax.types": 0,
    "fact_jax.files": 1,
    "fact_jax.runtime.heaps": 1,
    "fact_jax.ops": 1,
    "fact_jax.layers": 2,
    "fact_jax.losses": 2,
    "fact_jax.metrics": 2,
    "fact_jax.models": 3,
    # Reads workdirs as training wrote them; before the package it lies in, as the first entry that fits counts.
    "fact_jax.reporting.report": 5,
    "fact_jax.reporting": 3,
    "fact_jax.tasks": 4,
    "fact_jax.training": 4,
    "fact_jax.app.modes": 5,
    "fact_jax.inference": 5,
    "fact_jax.app.conversion": 5,
    # What each kind of dataset brings to a run.
    "fact_jax.app.kinds.base": 5,
    "fact_jax.app.kinds.segmentation": 6,
    "fact_jax.app.kinds.localization": 6,
    "fact_jax.app.experiment": 7,
    "fact_jax.app.kinds.localization_rules": 6,
    "fact_jax.app.config_rules": 7,
    "fact_jax.app.config_flags": 8,
    "fact_jax.app.command_flags": 9,
    "fact_jax.app.commands": 10,
    # A command line of its own, python -m fact_jax.benchmark.
    "fact_jax.benchmark": 10,
    "main": 11,
}
# The Task protocol is all that training knows of tasks.
ALSO_ALLOWED = {"fact_jax.training": {"fact_jax.tasks.base"}}
DATA_MAY_IMPORT = {
    "fact_jax.types",
    "fact_jax.files",
    "fact_jax.ops.masks",
    "fact_jax.ops.segments",
    "fact_jax.ops.resampling",
    "fact_jax.ops.time_grid",
}
# Translates configs of the published code; imports no jax.
CONFIG_MAY_IMPORT = ("configs.published", "fact_jax.models.fact.published_config")
OURS = {"fact_jax", "data_pipelines", "configs", "tests", "main"}
FORBIDDEN = {"tensorflow", "torch"}
# Reads and writes other people's weight files, and imports torch only when it meets one; the rendering to measure
# against, which is imported only when it is asked for; a tool that reads features which are published as tensors.
TORCH_ALLOWED = (
    "fact_jax.models.weights.weight_files",
    "fact_jax.benchmark.torch_",
    "data_pipelines.localization.ego4d",
)
# The only modules of the library that know the data.
KNOW_DATA = (
    "fact_jax.app.kinds.segmentation",
    "fact_jax.app.kinds.localization",
    "fact_jax.benchmark.ours_segmentation",
    "fact_jax.benchmark.ours_localization",
)


def source_files():
    """Every Python file of the project outside tests/."""
    folders = [ROOT / name for name in ("fact_jax", "data_pipelines", "configs")]
    return sorted(path for folder in folders for path in folder.rglob("*.py")) + sorted(ROOT.glob("*.py"))


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """Dotted names of all that a file imports, at the top or inside functions; `from a import b` gives a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import on line {node.lineno}"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer_of(name):
    """The entry of LEVELS that a dotted name belongs to, or None."""
    return next((layer for layer in LEVELS if name == layer or name.startswith(f"{layer}.")), None)


FILES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in source_files()]


@pytest.mark.parametrize("path", FILES)
def test_imports_point_downwards(path):
    own = layer_of(module_name(path))
    if own is None:
        assert path.name == "__init__.py" or path.parts[len(ROOT.parts)] in {"data_pipelines", "configs"}, (
            f"{path} has no level"
        )
        return
    for name in imports(path):
        other = layer_of(name)
        if other in (None, own) or any(name.startswith(allowed) for allowed in ALSO_ALLOWED.get(own, ())):
            continue
        assert LEVELS[other] < LEVELS[own], f"{path}: {own} imports {name}"


@pytest.mark.parametrize("path", FILES)
def test_packages_know_only_what_they_may(path):
    module = module_name(path)
    for name in imports(path):
        package = name.split(".")[0]
        assert package not in FORBIDDEN or (package == "torch" and module.startswith(TORCH_ALLOWED)), (
            f"{path} imports {name}"
        )
        assert package != "tests", f"{path} imports {name}"
        if module.startswith("configs"):
            allowed = package in {"configs", "ml_collections", "difflib", "json", "pathlib"}
            assert allowed or (module, name) == CONFIG_MAY_IMPORT, f"{path} imports {name}"
        if module.startswith("data_pipelines"):
            assert package not in {"jax", "flax", "optax", "orbax"}, f"{path} imports {name}"
            if package in OURS - {"data_pipelines"}:
                assert any(name == allowed or name.startswith(f"{allowed}.") for allowed in DATA_MAY_IMPORT), (
                    f"{path} imports {name}"
                )
        if module.startswith("fact_jax") and module not in KNOW_DATA:
            assert package != "data_pipelines", f"{path} imports {name}"
        if package == "configs":
            assert module.startswith("configs"), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES)
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= (59 if path == ROOT / "main.py" else 400), path
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 80, f"{path}: {node.name}"


def test_top_level_holds_nothing_else():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    tracked = {line.split("/")[0] for line in listing.stdout.splitlines()}
    assert {name for name in tracked if not name.startswith(".")} <= TOP_LEVEL


def test_every_test_folder_is_a_package():
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_checks_see_imports_inside_functions(tmp_path):
    path = tmp_path / "example.py"
    path.write_text("import a.b\ndef f():\n    from c import d, e\n")
    assert imports(path) == {"a.b", "c.d", "c.e"}
    assert layer_of("fact_jax.reporting.report.runs") == "fact_jax.reporting.report"
    assert layer_of("fact_jax.ops.masks") == "fact_jax.ops" and layer_of("fact_jax.opsy") is None
