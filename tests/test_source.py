"""Rules about the source that no linter has: budgets, ways to write a file, ways to run what a file holds."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = set("fact_jax configs data_pipelines findings tests main.py requirements.txt README.md LICENSE".split())
MAX_LINES, MAX_MAIN, MAX_FUNCTION = 400, 59, 80

# Calls that make or change a file, by the last part of their name; `open` counts with a mode that writes.
WRITERS = set(
    "write_text write_bytes savefig save savez savez_compressed savetxt tofile open_memmap memmap dump save_file "
    "copyfile copy2 copytree NamedTemporaryFile mkstemp".split()
)
TO_MEMORY = "buffer"  # what an argument is called that is no file
# Function -> why it writes without fact_jax/files.py.
MAY_WRITE = {
    "fact_jax.files.atomic_file": "writes under another name first",
    "fact_jax.files.append_line": "one write, which is undone where it fails; metrics.jsonl grows by lines",
    "fact_jax.training.nonfinite.write_batch": "into an atomic_file",
    "fact_jax.models.weights.weight_files.write_state_dict": "into memory",
    "fact_jax.reporting.pictures.new_figure.QuietFigure.savefig": "draws what it is given",
    "fact_jax.mp4.write_mp4": "under the name that an atomic_file has first",
    "fact_jax.training.ownership._locked": "a lock file, which exists as long as a process does",
    "fact_jax.training.checkpoints.manager.Checkpoints.save": "Orbax: writes a folder under another name first",
    "fact_jax.training.loop._Run._store": "Orbax",
    "fact_jax.training.checkpoints.shared.SharedCheckpoints.save": "Orbax",
    "fact_jax.app.conversion._save": "Orbax",
    "fact_jax.runtime.processes.group._close_output": "standard output, to nowhere",
    "fact_jax.inference.export.readers.predict_command._write_csv": "copied into an export, where nothing of ours is",
    "fact_jax.inference.export.readers.predict_command.write_labels": "the same",
    "fact_jax.inference.export.readers.predict_command.write_embeddings": "the same",
    "data_pipelines.extract_epic.Extraction.extract": "a memory map under another name first",
    "data_pipelines.extraction.feature_file.FeatureFile._open": "a part, which becomes the file when it is whole",
    "data_pipelines.extraction.claims.take": "a lock file, which exists as long as a process does",
}
SCRATCH = "fact_jax.benchmark."  # writes into folders of its own, which are removed in the end
# Calls that run what a file holds; allowed in these modules.
RUNNERS = {"eval": (), "exec": (), "exec_module": ("fact_jax.app.config_flags",), "unsafe_load": (), "full_load": ()}


def source_files():
    """Every Python file of the project outside tests/."""
    folders = [ROOT / name for name in ("fact_jax", "data_pipelines", "configs")]
    return [*sorted(path for folder in folders for path in folder.rglob("*.py")), ROOT / "main.py"]


def functions(tree, module):
    """(qualified name, node, calls) of every function; a call belongs to the innermost function."""
    found = {module: (tree, [])}

    def visit(node, path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            path = f"{path}.{node.name}"
            found[path] = node, []
        if isinstance(node, ast.Call):
            found[path][1].append(node)
        for child in ast.iter_child_nodes(node):
            visit(child, path)

    visit(tree, module)
    return [(name, node, calls) for name, (node, calls) in found.items()]


def called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def keywords(call):
    return {keyword.arg: keyword.value for keyword in call.keywords}


def writes(call):
    """Whether a call writes to a file."""
    name, text = called(call), ast.unparse(call)
    if name in ("open", "fdopen"):
        modes = [*call.args[1:2], *filter(None, [keywords(call).get("mode")])]
        return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes) or (
            "O_WRONLY" in text and "devnull" not in text or "O_RDWR" in text or "O_CREAT" in text
        )
    if name not in WRITERS or (name == "memmap" and any(getattr(arg, "value", None) == "r" for arg in call.args)):
        return False
    return not any(isinstance(arg, ast.Name) and arg.id == TO_MEMORY for arg in call.args)


def runs(call, module):
    """Whether a call runs, or may run, what a file holds."""
    name, options, text = called(call), keywords(call), ast.unparse(call)
    # model.eval() of PyTorch is another thing.
    if name in RUNNERS and not text.endswith(".eval()"):
        return module not in RUNNERS[name]
    if "allow_pickle" in options and ast.unparse(options["allow_pickle"]) != "False":
        return True
    return text.startswith("torch.load(") and ast.unparse(options.get("weights_only", call)) != "True"


def test_source():
    wrong, writing = [], set()
    for path in source_files():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > (MAX_MAIN if module == "main" else MAX_LINES):
            wrong.append(f"{module}: {len(text.splitlines())} lines")
        for name, node, calls in functions(ast.parse(text), module):
            if not isinstance(node, ast.ClassDef | ast.Module) and node.end_lineno - node.lineno >= MAX_FUNCTION:
                wrong.append(f"{name}: {node.end_lineno - node.lineno + 1} lines")
            wrong += [f"{name}: {ast.unparse(call)}" for call in calls if runs(call, module)]
            if any(map(writes, calls)) and not name.startswith(SCRATCH):
                writing.add(name)
    assert wrong == []
    assert writing - MAY_WRITE.keys() == set(), "use fact_jax.files, so that a reader never sees half a file"
    assert MAY_WRITE.keys() - writing == set(), "these no longer write"


def test_the_rules_see_what_they_forbid():
    source = """
def one(path): path.write_text("")
def two(path):
    with open(path, "w") as file: file.write("")
def three(path): open(path, mode="ab")
def four(path): np.save(path, array)
def five(path): os.open(path, os.O_WRONLY | os.O_CREAT)
class Six:
    def seven(self): self.figure.savefig("a.png")
def reads(path): return open(path).read() + open(path, "rb").read() + path.read_text()
def memory(buffer): np.savez(buffer, array); os.open(os.devnull, os.O_WRONLY)
def eight(path): eval(path); np.load(path, allow_pickle=True); torch.load(path)
def safe(path): model.eval(); np.load(path, allow_pickle=False); torch.load(path, weights_only=True)
"""
    found = functions(ast.parse(source), "m")
    writing = {name for name, _, calls in found if any(map(writes, calls))}
    assert writing == {f"m.{name}" for name in ("one", "two", "three", "four", "five", "Six.seven")}
    assert {name: sum(runs(call, "m") for call in calls) for name, _, calls in found if calls}.items() >= {
        ("m.eight", 3),
        ("m.safe", 0),
    }


def test_top_level_holds_nothing_else():
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    tracked = {line.split("/")[0] for line in listing.stdout.splitlines()}
    assert {name for name in tracked if not name.startswith(".")} <= TOP_LEVEL
