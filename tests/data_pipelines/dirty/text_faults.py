"""What can be wrong with the text files of a dataset: labels, transcripts, the class list, split lists, verb lists."""

import dataclasses
import unicodedata

from tests.data_pipelines.dirty.feature_faults import PLACES, Fault, replaced, rewritten, sparse


def lines(change, refused="", **options):
    """A fault that changes the list of lines, which come without their ends."""

    def rewrite(content):
        return "".join(f"{line}\n" for line in change(content.decode().splitlines())).encode()

    return rewritten(rewrite, refused, **options)


def encoded(encoding, refused):
    return rewritten(lambda content: content.decode().encode(encoding), refused)


def line(number, text):
    """Changes one line."""

    def change(found):
        found[number] = text(found[number]) if callable(text) else text
        return found

    return change


def million(text):
    def make(path):
        path.write_text("".join(text(number) for number in range(1_000_000)))

    return make


NO_TEXT = "is not UTF-8"
CONTROL = r"control character '\\x00'"
NO_LISTS = "has no lists of training and test videos"
# Of any text file. Whatever is accepted reads as if nothing had happened.
TEXTS = {
    "crlf": rewritten(lambda content: content.replace(b"\n", b"\r\n")),
    "cr": rewritten(lambda content: content.replace(b"\n", b"\r")),
    "mixed_ends": lines(lambda found: [f"{text}\r" if i % 2 else text for i, text in enumerate(found)]),
    "bom": rewritten(lambda content: b"\xef\xbb\xbf" + content),
    "bom_and_crlf": rewritten(lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")),
    "no_last_newline": rewritten(lambda content: content.rstrip(b"\n")),
    "blanks_at_ends": lines(lambda found: [f"{text} \t " for text in found]),
    "blanks_before": lines(lambda found: [f"  {text}" for text in found]),
    "blank_lines_after": rewritten(lambda content: content + b"\n \n\r\n\n"),
    "utf16": encoded("utf-16", "text in UTF-16; save it as UTF-8"),
    "utf16_without_bom": encoded("utf-16-le", f"{CONTROL}|{NO_TEXT}"),
    "utf32": encoded("utf-32", "text in UTF-16; save it as UTF-8"),
    "zero_byte": rewritten(lambda content: content[:20] + b"\0" + content[20:], CONTROL),
    "escape": rewritten(lambda content: content[:9] + b"\x1b[2J" + content[9:], r"control character '\\x1b'"),
    "latin_1": rewritten(lambda content: content[:6] + b"caf\xe9\n" + content[6:], f"byte 0xe9 {NO_TEXT}"),
    "overlong": rewritten(lambda content: b"\xc0\xaf" + content, f"byte 0xc0 {NO_TEXT}"),
    "array": rewritten(lambda content: b"\x93NUMPY\x01\x00v\x00{'descr'", f"byte 0x93 {NO_TEXT}"),
    "empty": rewritten(lambda content: b"", r"no (labels|videos|classes|verbs|nouns)"),
    "blank": rewritten(lambda content: b"\n \r\n\t\n", r"no (labels|videos|classes|verbs|nouns)"),
    "blank_line": lines(lambda found: [found[0], "", *found[1:]], "blank line|''; expected"),
    "large": replaced(sparse(2**30), "1073741824 bytes; expected at most"),
    "newlines": replaced(lambda path: path.write_bytes(b"a\n" * 10_000_001), "10000001 lines; expected at most"),
} | PLACES

# Of labels and transcripts.
UNKNOWN = "unknown label"
NAMES = {
    "typo": lines(line(3, "pour_mlk"), rf"{UNKNOWN} 'pour_mlk'; the nearest class is 'pour_milk'"),
    "case": lines(line(3, "Background"), rf"{UNKNOWN} 'Background'; the nearest class is 'background'"),
    "other_unicode_form": lines(
        line(3, unicodedata.normalize("NFD", "café")), rf"{UNKNOWN} .*in another Unicode form \(NFC and NFD\)"
    ),
    "second_bom": lines(line(3, "\ufeffbackground"), rf"{UNKNOWN} '\\ufeffbackground'"),
    "ids_for_names": lines(lambda found: ["2"] * len(found), r"numbers from 2 to 2 instead of class names"),
    "table": lines(
        lambda found: [f"{i},{name}" for i, name in enumerate(found)],
        r"a number and a class, such as '0,.*drop the first column",
    ),
    "long_line": lines(line(3, "x" * 3_000_000), rf"{UNKNOWN} 'x{{60}}'\.\.\.; expected a name"),
    "markup": lines(line(3, "<script>alert(1)</script>"), rf"{UNKNOWN} '<script>"),
    "million_unknown": replaced(million(lambda i: f"label {i}\n"), r"(?s)unknown label 'label 0'.*999990 more unknown"),
}
LABELS = (
    TEXTS
    | NAMES
    | {
        "two_more": lines(lambda found: [*found, "background", "background"], relative=True),
        "three_more": lines(lambda found: [*found, *["background"] * 3], "frames of features for", relative=True),
        "three_less": lines(lambda found: found[:-3], "frames of features for", relative=True),
        "one_line": lines(lambda found: [" ".join(found)], UNKNOWN, relative=True),
        "million": replaced(million(lambda i: "pour_milk\n"), "frames of features for 1000000 labels", relative=True),
    }
)
TRANSCRIPTS = (
    TEXTS
    | NAMES
    | {
        "shortened": lines(lambda found: [a for a, b in zip(found, ["", *found], strict=False) if a != b]),
        "million": Fault(lambda path, canary: _repeat(path, 1_000_000)),
    }
)


def _repeat(path, least):
    """Every line so often that the file has a million lines: a transcript counts equal neighbours once."""
    found = path.read_text("utf-8").splitlines()
    path.write_text("".join(f"{text}\n" * (least // len(found) + 1) for text in found), "utf-8")


# Of the class list. `relative` here: labels become unknown, or their files get problems too.
MAPPING = TEXTS | {
    "tabs": rewritten(lambda content: content.replace(b" ", b"\t", 1).replace(b"\n2 ", b"\n2\t\t")),
    "reversed": lines(lambda found: found[::-1]),
    "leading_zeros": lines(lambda found: [f"00{text}" for text in found]),
    "gap": lines(line(3, "4 café"), r"class id 4 of 4 classes; expected the ids 0 to 3"),
    "from_one": lines(lambda found: [f"{int(text[0]) + 1}{text[1:]}" for text in found], "class id 4 of 4 classes"),
    "same_id": lines(line(3, "2 café"), "class id 2 again; first on line 3"),
    "same_name": lines(line(3, "3 pour_milk"), "class name 'pour_milk' again; first on line 3", relative=True),
    "negative_id": lines(line(3, "-1 café"), "'-1 café'; expected '<id> <class name>'", relative=True),
    "huge_id": lines(line(3, "3000000000000 café"), "expected '<id> <class name>'", relative=True),
    "very_huge_id": lines(line(3, "9" * 5000 + " café"), "expected '<id> <class name>'", relative=True),
    "fraction": lines(line(3, "3.0 café"), "expected '<id> <class name>'", relative=True),
    "arabic_digit": lines(line(3, "٣ café"), "expected '<id> <class name>'", relative=True),
    "no_id": lines(line(3, "café"), "expected '<id> <class name>'", relative=True),
    "no_name": lines(line(3, "3"), "'3'; expected '<id> <class name>'", relative=True),
    "commas": lines(
        lambda found: [text.replace(" ", ",", 1) for text in found], r"'0,background'; expected", relative=True
    ),
    "long_name": lines(
        line(3, "3 " + "é" * 1_000_000), "class name of 1000000 characters, .*expected at most 200", relative=True
    ),
    "less": lines(lambda found: found[:3], relative=True),
}

# Of a split list, whose lines end in .txt. `tools`: what those say who look for the lists first.
_LOST = ("missing", "folder", "fifo", "device", "dangling_link", "link_loop")
SPLITS = {
    name: dataclasses.replace(fault, tools=NO_LISTS if name in _LOST else None) for name, fault in TEXTS.items()
} | {
    "without_ending": lines(lambda found: [text.removesuffix(".txt") for text in found]),
    "same_video": lines(lambda found: [*found, found[0]], "again; first on line 1"),
    "same_with_and_without_ending": lines(
        lambda found: [*found, found[0].removesuffix(".txt")], "again; first on line 1"
    ),
    "parent": lines(line(1, lambda text: f"../features/{text}"), "expected a video name without folders"),
    "absolute": lines(line(1, "/etc/passwd"), "'/etc/passwd'; expected a video name without folders"),
    "backslash": lines(line(1, r"..\v1.txt"), "expected a video name without folders"),
    "dots": lines(line(1, ".."), "'..'; expected a video name without folders"),
    "endings": lines(lambda found: [found[0], ".txt", *found[1:]], "blank line|expected a video name"),
    "long_name": lines(line(1, "x" * 251), "a name of 251 bytes, .*at most 250"),
    "very_long_name": lines(line(1, "é" * 2_000_000), "a name of 4000000 bytes, .*at most 250"),
    "paths": lines(
        lambda found: [f"features/{i}.npy" for i in range(60_000)], r"(?s)without folders.*59980 more problems"
    ),
}

# Of a list of verbs. `relative`: classes lose their verb.
VERBS = TEXTS | {
    "other_ids": lines(lambda found: [f"{9 - i} {text[2:]}" for i, text in enumerate(found)]),
    "comma": lines(line(1, "1 take,up"), "'take,up'; expected a verb without a comma", relative=True),
    "same": lines(line(2, "2 take"), "verb 'take' again; first on line 2", relative=True),
    "no_id": lines(line(1, "take"), "'take'; expected '<id> <verb>'", relative=True),
    "negative_id": lines(line(1, "-1 take"), "'-1 take'; expected '<id> <verb>'", relative=True),
    "other_verb": lines(line(1, "1 grab"), relative=True),
}
