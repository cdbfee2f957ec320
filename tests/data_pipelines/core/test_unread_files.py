"""Files that nobody reads are counted by ending, in every folder that is given or configured."""

from data_pipelines.core.input_files import find_files, skipped_lines
from data_pipelines.core.unread_files import unread_lines, unread_text
from data_pipelines.localization.opening import open_localization
from data_pipelines.segmentation.sources import open_sources
from tests.data_pipelines import folders
from tests.data_pipelines.localization import folders as localization_folders


def add(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def test_files_are_counted_by_ending(tmp_path):
    add(tmp_path, "a.npy", "b.npz", "c.npz", "d.pt", "README", ".DS_Store", "own.json")
    (tmp_path / "folder.npz").mkdir()
    own = [tmp_path / "own.json", tmp_path / "elsewhere" / "d.pt"]
    text = "2 .npz files, 1 file without an ending and 1 .pt file"
    assert unread_text(tmp_path, [".npy"], own) == text
    assert unread_text(tmp_path, [".npy", ".npz"], own) == "1 file without an ending and 1 .pt file"
    assert unread_text(tmp_path / "none", [".npy"]) == unread_text(tmp_path / "folder.npz", [".npy"]) == ""
    lines = list(unread_lines([tmp_path, tmp_path, tmp_path / "none"], [".npy"], own))
    assert lines == [f"{text} of {tmp_path} are not read: expected .npy"]
    add(tmp_path / "one", "a.mat")
    [line] = unread_lines([tmp_path / "one"], [".npy", ".npz"])
    assert line == f"1 .mat file of {tmp_path / 'one'} is not read: expected .npy or .npz"


def test_files_of_an_input_folder(tmp_path):
    add(tmp_path, "a.npy", "b.npz", "c.csv")
    inputs = [str(tmp_path), str(tmp_path / "a.npy"), str(tmp_path / "none")]
    assert list(skipped_lines(inputs, (".npy",))) == [
        f"1 .csv file and 1 .npz file of {tmp_path} are not read: expected .npy"
    ]
    assert list(skipped_lines([str(tmp_path / "*")], (".npy",))) == []
    (tmp_path / "a.npy").unlink()
    _, [problem] = find_files([str(tmp_path)], (".npy",))
    assert problem.found == "the folder holds no .npy file, but 1 .csv file and 1 .npz file"


def test_files_of_a_segmentation_folder(tmp_path):
    folders.write_folder(tmp_path)
    assert open_sources(folders.settings(tmp_path)).notes == ()
    add(tmp_path / "features", "v0.pt", "v1.pt", "x.npy")
    add(tmp_path / "groundTruth", "v0.csv")
    assert open_sources(folders.settings(tmp_path)).notes == (
        f"2 .pt files of {tmp_path / 'features'} are not read: expected .npy",
        f"1 .csv file of {tmp_path / 'groundTruth'} is not read: expected .txt",
        f"1 feature file of {tmp_path / 'features'} left out, in no list and without labels: x",
    )


def test_files_of_a_localization_folder(tmp_path):
    root = localization_folders.write_folder(tmp_path)
    settings = localization_folders.settings(root)
    before = open_localization(settings).notes
    place = root / settings.feature_places[0]
    add(place, "a.mat", f"{settings.feature_prefix}x{settings.feature_suffix}")
    assert set(open_localization(settings).notes) - set(before) == {
        f"1 .mat file of {place} is not read: expected {settings.feature_suffix}",
        f"1 feature file of {place} left out, of no annotated video: x",
    }
