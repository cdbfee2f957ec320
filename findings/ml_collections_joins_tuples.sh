#!/usr/bin/env bash
# Guess: of a field of a config that is overridden twice on the command line the last value counts, as for numbers and
# text, so that a script may append its own --config.x=... to those of the user.
# Found: it counts for all types but tuples. The values of all overrides of a tuple are joined: --config.ids=(0,) and then
# --config.ids=(5,) give (0, 5). The README of the package, which shows such an override, does not say so; a comment in
# tuple_parser.py shows that it is meant.
# Tried: ml_collections 1.1.0, absl-py 2.5.1, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check ml_collections==1.1.0 absl-py==2.5.1 PyYAML==6.0.3
cat > "$folder/settings.py" <<'PY'
import ml_collections


def get_config():
    return ml_collections.ConfigDict({"number": 1, "text": "a", "ids": (1, 2)})
PY
cat > "$folder/probe.py" <<'PY'
from absl import app
from ml_collections import config_flags

config = config_flags.DEFINE_config_file("config")
app.run(lambda argv: print(config.value.number, config.value.text, config.value.ids))
PY
run() { "$folder/venv/bin/python" "$folder/probe.py" "--config=$folder/settings.py" "$@"; }
once=$(run "--config.number=3" "--config.text=c" "--config.ids=(5,)")
twice=$(run "--config.number=2" "--config.number=3" "--config.text=b" "--config.text=c" "--config.ids=(0,)" "--config.ids=(5,)")
echo "given once, 3, c and (5,):                         $once"
echo "given twice, 2 3, b c and (0,) (5,) in this order: $twice"
[ "$once" = "3 c (5,)" ] && [ "$twice" = "3 c (0, 5)" ]
