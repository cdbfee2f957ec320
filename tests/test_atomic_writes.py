"""No result file is ever half written: everything that writes goes through fact_jax/files.py, but for what is named."""

import ast

from tests.test_import_order import module_name, source_files

# Calls that make or change a file, by the last part of their name; `open` counts with a mode that writes.
WRITERS = {
    "write_text",
    "write_bytes",
    "savefig",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
    "tofile",
    "open_memmap",
    "memmap",
    "dump",
    "save_file",
    "copyfile",
    "copy2",
    "copytree",
    "NamedTemporaryFile",
    "mkstemp",
}
TO_MEMORY = "buffer"  # what an argument is called that is no file
# Function -> why it may write otherwise.
ALLOWED = {
    "fact_jax.files.atomic_file": "writes under another name first",
    "fact_jax.training.nonfinite.write_batch": "into an atomic_file",
    "fact_jax.files.append_line": "one write, which is undone where it fails; metrics.jsonl grows by lines",
    "fact_jax.models.weights.weight_files.write_state_dict": "into memory",
    "fact_jax.reporting.pictures.new_figure.QuietFigure.savefig": "draws what it is given",
    "fact_jax.training.ownership._locked": "a lock file, which exists as long as a process does",
    "fact_jax.training.checkpoints.manager.Checkpoints.save": "Orbax: writes a folder under another name first",
    "fact_jax.training.loop._Run._save": "the same",
    "fact_jax.training.checkpoints.shared.SharedCheckpoints.save": "the same",
    "fact_jax.runtime.processes.joining._silent": "standard output, to nowhere",
    "fact_jax.runtime.processes.group._close_output": "standard output, to nowhere",
    "fact_jax.app.conversion._save": "the same",
    "data_pipelines.extract_epic.Extraction.extract": "a memory map under another name first",
    # In a folder of its own that is removed in the end.
    "fact_jax.benchmark.torch_reference.subject.TorchSubject.inspect": "scratch of a measurement",
    "fact_jax.benchmark.ours.Ours.publish": "scratch of a measurement",
    "fact_jax.benchmark.ours.Ours.inspect": "scratch of a measurement",
    "fact_jax.benchmark.data_wait.write_dataset": "scratch of a measurement",
    "fact_jax.benchmark.data_wait._write_list": "scratch of a measurement",
    "fact_jax.benchmark.data_wait.write_annotated": "scratch of a measurement",
    "fact_jax.benchmark.load.dataset.write_labelled": "scratch of a measurement",
    "fact_jax.benchmark.load.dataset.write_features": "scratch of a measurement",
    "fact_jax.benchmark.memory.reset_peak": "a switch of the system's",
    "fact_jax.benchmark.workers.serve": "a pipe",
}


def name_of(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def writes(call):
    """Whether a call writes to a file."""
    name = name_of(call.func)
    if name in ("open", "fdopen"):
        arguments = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        flags = ast.unparse(call)
        return any(isinstance(a, ast.Constant) and set(str(a.value)) & set("wax+") for a in arguments) or (
            "O_WRONLY" in flags and "devnull" not in flags or "O_RDWR" in flags or "O_CREAT" in flags
        )
    if name not in WRITERS or (name == "memmap" and any(getattr(a, "value", None) == "r" for a in call.args)):
        return False
    return not any(isinstance(argument, ast.Name) and argument.id == TO_MEMORY for argument in call.args)


def functions_that_write(tree, module):
    """Qualified names of all functions with a call that writes."""
    found = set()

    def visit(node, path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            path = f"{path}.{node.name}"
        if isinstance(node, ast.Call) and writes(node):
            found.add(path)
        for child in ast.iter_child_nodes(node):
            visit(child, path)

    visit(tree, module)
    return found


def test_files_are_written_by_one_module():
    found = set()
    for path in source_files():
        found |= functions_that_write(ast.parse(path.read_text(encoding="utf-8")), module_name(path))
    assert found - ALLOWED.keys() == set(), "use fact_jax.files, so that a reader never sees half a file"
    assert ALLOWED.keys() - found == set(), "these no longer write"


def test_every_way_to_write_is_seen():
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
"""
    found = functions_that_write(ast.parse(source), "m")
    assert found == {f"m.{name}" for name in ("one", "two", "three", "four", "five", "Six.seven")}
