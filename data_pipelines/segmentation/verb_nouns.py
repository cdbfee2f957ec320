"""Classes that are pairs of a verb and a noun: the lists of verbs and nouns, and what the class names say.

A verb or noun list has one `<id> <name>` per line. As in the published code the order of the lines decides: the verb of
line i has id i - 1, whatever number stands in front of it. EPIC-Kitchens numbers its classes 0, 1, 2, ..., so that both
are the same there; a list whose numbers differ from its lines is read by its lines.
"""

from data_pipelines.core.names import why_no_class
from data_pipelines.core.problems import Problem, Problems
from data_pipelines.core.text_files import is_id, quote, read_lines
from fact_jax.types import VerbNouns, nearest

SEPARATOR = ","
KINDS = ("verb", "noun")


def read_names(path, kind):
    """Reads a list of verbs or nouns: one `<id> <name>` per line; a name may contain spaces, but no comma.

    Returns (names in the order of the lines, those of lines that cannot be used left out; problems).
    """
    lines, unreadable = read_lines(path)
    if unreadable:
        return (), unreadable
    if not lines:
        return (), [Problem(str(path), 0, f"no {kind}s", f"expected one '<id> <{kind}>' per line")]
    problems, line_of, line_of_id = Problems(path), {}, {}
    for number, line in enumerate(lines, 1):
        text, name = (line.split(None, 1) + ["", ""])[:2]
        if not (is_id(text) and name):
            problems.add(str(path), number, quote(line), f"expected '<id> <{kind}>'")
        elif why := why_no_class(name):
            problems.add(str(path), number, f"{why}: {quote(name)}", f"expected '<id> <{kind}>'")
        elif SEPARATOR in name:
            expected = f"expected a {kind} without a comma, which stands between verb and noun"
            problems.add(str(path), number, quote(name), expected)
        elif name in line_of:
            problems.add(str(path), number, f"{kind} {quote(name)} again", f"first on line {line_of[name]}")
        elif (first := line_of_id.setdefault(int(text), number)) != number:
            problems.add(str(path), number, f"{kind} id {int(text)} again", f"first on line {first}")
        else:
            line_of[name] = number
    return tuple(line_of), problems.listed()


def split_name(name):
    """(verb, noun) of a class name "<verb>,<noun>", or None if it has another form."""
    parts = tuple(part.strip() for part in name.split(SEPARATOR))
    return parts if len(parts) == 2 and all(parts) else None


def pair_up(class_names):
    """VerbNouns of class names "<verb>,<noun>" whose verbs and nouns are numbered as they first come up.

    A ValueError if a name has another form.
    """
    pairs = [split_name(name) for name in class_names]
    if None in pairs:
        raise ValueError(f"{class_names[pairs.index(None)]!r} is not of the form '<verb>,<noun>'")
    verbs, nouns = (tuple(dict.fromkeys(parts)) for parts in zip(*pairs, strict=True))
    return VerbNouns(
        verbs, nouns, tuple(verbs.index(verb) for verb, _ in pairs), tuple(nouns.index(noun) for _, noun in pairs)
    )


def read_verb_nouns(verb_file, noun_file, class_names, mapping_file=None):
    """Reads both lists and looks the parts of every class name up in them.

    Args:
      verb_file, noun_file: the lists; None for both if the classes are no such pairs.
      class_names: "<verb>,<noun>" by class id.
      mapping_file: the class list the names come from, for the lines in messages; None = unknown.

    Returns:
      (VerbNouns, problems); None in place of VerbNouns without lists and with problems.
    """
    files = {"verb": verb_file, "noun": noun_file}
    given = [kind for kind in KINDS if files[kind]]
    if not given:
        return None, []
    if len(given) == 1:
        [there] = given
        [missing] = set(KINDS) - {there}
        found = f"config.data.{there}_mapping_file is set, config.data.{missing}_mapping_file is empty"
        return None, [Problem(str(files[there]), 0, found, "set both, or neither for classes without verb and noun")]
    verbs, problems = read_names(verb_file, "verb")
    nouns, noun_problems = read_names(noun_file, "noun")
    problems = problems + noun_problems
    # A list that cannot be read at all would make every class a problem: one is enough.
    usable = {kind: names for kind, names in (("verb", verbs), ("noun", nouns)) if names}
    place = _line_finder(mapping_file)
    for name in class_names:
        problems += _name_problems(name, usable, place)
    if problems:
        return None, problems
    pairs = [split_name(name) for name in class_names]
    verb_ids, noun_ids = ({name: i for i, name in enumerate(names)} for names in (verbs, nouns))
    return VerbNouns(verbs, nouns, tuple(verb_ids[v] for v, _ in pairs), tuple(noun_ids[n] for _, n in pairs)), []


def _name_problems(name, names_of_kind, place):
    """Problems of one class name; `names_of_kind` maps "verb" and "noun" to the names to look its parts up in."""
    pair = split_name(name)
    if pair is None:
        commas = name.count(SEPARATOR)
        found = f"class {quote(name)} has {commas or 'no'} comma{'s' if commas > 1 else ''}"
        return [place(name, found, "expected '<verb>,<noun>', because config.data.verb_mapping_file is set")]
    problems = []
    for kind, part in zip(KINDS, pair, strict=True):
        names = names_of_kind.get(kind)
        if names and part not in names:
            guess = nearest(part, names)
            expected = f"the nearest {kind} is {quote(guess)}" if guess else f"expected a {kind} of the {kind} list"
            problems.append(place(name, f"class {quote(name)}: unknown {kind} {quote(part)}", expected))
    return problems


def _line_finder(mapping_file):
    """Returns a function that makes the Problem of a class name, with the line of the class list it stands on."""
    lines = read_lines(mapping_file)[0] if mapping_file else []
    numbers = {line.split(None, 1)[-1]: number for number, line in enumerate(lines, 1) if line}
    path = str(mapping_file) if lines else "class list"
    return lambda name, found, expected: Problem(path, numbers.get(name, 0), found, expected)
