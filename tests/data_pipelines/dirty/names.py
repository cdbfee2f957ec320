"""Names of videos, as odd as they come: what may be in a split list, and what a file may be called."""

import os
import unicodedata

# Video ids that are fine: one file each, read as any other.
ODD = {
    "spaces": "two  words here",
    "quotes": 'it\'s "quoted" `here`',
    "shell": "$(touch canary); rm -rf * & echo",
    "percent": "100%s {0} %n",
    "pattern": "v[0-9]*?.x",
    "option": "-rf",
    "hidden": ".hidden",
    "markup": "<script>alert(1)</script>".replace("/", "|"),
    "template": "{split}",
    "home": "~root",
    "comma": "take,cup;put",
    "composed": unicodedata.normalize("NFC", "Käse école"),
    "decomposed": unicodedata.normalize("NFD", "Käse école"),
    "emoji": "🎬 clip 👩‍🍳",
    "joined": "می\u200cخواهم",
    "other_script": "動画 видео",
    "device": "con",
    "long": "x" * 250,
    "long_unicode": "é" * 125,
    "ends_in_dot": "clip.",
    "two_endings": "clip.npy",
    "case": None,  # that of another video in capitals
}
# File names that cannot be the name of a video.
UNSTORABLE = {
    "newline": "two\nlines",
    "escape": "red\x1b[31m",
    "tab": "tab\there",
    "right_to_left": "\u202egnp.exe",
    "zero_width": "cli\u200bp",
    "not_utf8": os.fsdecode(b"latin\xe9"),
}
