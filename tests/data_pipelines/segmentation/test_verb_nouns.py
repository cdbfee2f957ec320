"""Lists of verbs and nouns: the order of the lines counts, and every fault is named."""

import hypothesis
import pytest
from hypothesis import strategies as st

from data_pipelines.segmentation.verb_nouns import pair_up, read_names, read_verb_nouns, split_name
from fact_jax.types import VerbNouns

CLASS_NAMES = ("background,background", "take,cup", "put,cup", "take,red pan")


def write_lists(folder, verbs=("take", "put", "background"), nouns=("cup", "red pan", "background")):
    for name, words in (("verbs.txt", verbs), ("nouns.txt", nouns)):
        (folder / name).write_text("".join(f"{i} {word}\n" for i, word in enumerate(words)))
    (folder / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(CLASS_NAMES)))
    return folder / "verbs.txt", folder / "nouns.txt"


def problems_of(folder, class_names=CLASS_NAMES):
    result, problems = read_verb_nouns(folder / "verbs.txt", folder / "nouns.txt", class_names, folder / "mapping.txt")
    assert (result is None) == bool(problems)
    return [str(problem) for problem in problems]


def test_parts_of_every_class(tmp_path):
    result, problems = read_verb_nouns(*write_lists(tmp_path), CLASS_NAMES)
    assert problems == []
    assert result == VerbNouns(
        ("take", "put", "background"), ("cup", "red pan", "background"), (2, 0, 1, 0), (2, 0, 0, 1)
    )


def test_no_lists_no_pairs():
    assert read_verb_nouns(None, None, ("take cup",)) == (None, [])


def test_the_line_decides_and_not_the_number(tmp_path):
    verb_file, noun_file = write_lists(tmp_path)
    verb_file.write_text("7 take\n3 put\n0 background\n")
    result, _ = read_verb_nouns(verb_file, noun_file, CLASS_NAMES)
    assert result.verbs == ("take", "put", "background") and result.verb_of_action == (2, 0, 1, 0)


def test_an_id_twice_is_a_slip(tmp_path):
    write_lists(tmp_path)[0].write_text("0 take\n1 put\n00 background\n")
    found = problems_of(tmp_path)
    assert found[0] == f"{tmp_path}/verbs.txt:3: verb id 0 again; first on line 1"


@pytest.mark.parametrize("given", ["verb", "noun"])
def test_one_list_without_the_other(tmp_path, given):
    lists = zip(("verb", "noun"), write_lists(tmp_path), strict=True)
    files = [path if kind == given else None for kind, path in lists]
    result, [problem] = read_verb_nouns(*files, CLASS_NAMES)
    assert result is None
    assert f"config.data.{given}_mapping_file is set" in problem.found and "set both, or neither" in problem.expected


def test_all_problems_at_once(tmp_path):
    write_lists(tmp_path, verbs=("take", "put", "take", "wipe,off"), nouns=("cup", "", "pan"))
    names = ("background,background", "take cup", "putt,cup", "take,pann", "take,cup,pan", ",cup")
    (tmp_path / "mapping.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names)))
    found = problems_of(tmp_path, names)
    expected = (
        ("verbs.txt:3: ", "verb 'take' again; first on line 1"),
        ("verbs.txt:4: ", "'wipe,off'; expected a verb without a comma"),
        ("nouns.txt:2: ", "'1'; expected '<id> <noun>'"),
        ("mapping.txt:1: ", "unknown verb 'background'; expected a verb of the verb list"),
        ("mapping.txt:1: ", "unknown noun 'background'; expected a noun of the noun list"),
        ("mapping.txt:2: ", "class 'take cup' has no comma; expected '<verb>,<noun>'"),
        ("mapping.txt:3: ", "unknown verb 'putt'; the nearest verb is 'put'"),
        ("mapping.txt:4: ", "unknown noun 'pann'; the nearest noun is 'pan'"),
        ("mapping.txt:5: ", "class 'take,cup,pan' has 2 commas"),
        ("mapping.txt:6: ", "class ',cup' has 1 comma"),
    )
    for line, (place, words) in zip(found, expected, strict=True):
        assert line.startswith(f"{tmp_path}/{place}") and words in line


@pytest.mark.parametrize("content", [None, b"", b"\xff\n"], ids=["missing", "empty", "binary"])
def test_a_list_that_cannot_be_read_is_one_problem(tmp_path, content):
    verb_file, _ = write_lists(tmp_path)
    verb_file.unlink()
    if content is not None:
        verb_file.write_bytes(content)
    [problem] = problems_of(tmp_path)
    assert problem.startswith(str(verb_file))


def test_forms_of_text(tmp_path):
    path = tmp_path / "verbs.txt"
    path.write_bytes(b"\xef\xbb\xbf0\ttake\r\n 1  turn on \r\n\r\n")
    assert read_names(path, "verb") == (("take", "turn on"), [])
    assert split_name("turn on, the light") == ("turn on", "the light")
    assert [split_name(name) for name in ("take", "a,b,c", ",", "a,", " ,b")] == [None] * 5


WORDS = st.lists(st.text("abcdef -", min_size=1, max_size=5).filter(str.strip).map(str.strip), min_size=1, max_size=6)


@hypothesis.settings(derandomize=True, max_examples=50, deadline=None)
@hypothesis.given(WORDS, WORDS, st.data())
def test_names_and_ids_go_together(tmp_path_factory, verbs, nouns, data):
    verbs, nouns = list(dict.fromkeys(verbs)), list(dict.fromkeys(nouns))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(verbs), st.sampled_from(nouns)), min_size=1, max_size=9))
    names = [f"{verb},{noun}" for verb, noun in pairs]
    folder = tmp_path_factory.mktemp("lists")
    result, problems = read_verb_nouns(*write_lists(folder, verbs, nouns), names)
    assert problems == []
    for made in (result, pair_up(names)):
        assert [
            f"{made.verbs[v]},{made.nouns[n]}" for v, n in zip(made.verb_of_action, made.noun_of_action, strict=True)
        ] == names
    assert len(result.verbs) == len(verbs) and set(pair_up(names).nouns) == {noun for _, noun in pairs}


def test_names_of_another_form_do_not_pair_up():
    with pytest.raises(ValueError, match="'stir' is not of the form"):
        pair_up(("take,cup", "stir"))
