#!/usr/bin/env bash
# Guess: jax.export is part of jax, so a program that it serialised can be read wherever `pip install jax` has run.
# Found: serialize() and deserialize() need flatbuffers, which jax depends on in no extra but a note in the error: with jax
# alone a program can be made and called, and neither written nor read. jax.export itself is imported without complaint.
# Tried: jax 0.10.2, flatbuffers 25.12.19, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import jax
import jax.export
import numpy as np

program = jax.export.export(jax.jit(lambda x: x + 1))(jax.ShapeDtypeStruct((2,), np.float32))
assert program.call(np.zeros(2, np.float32)).tolist() == [1.0, 1.0]
try:
    again = jax.export.deserialize(program.serialize())
except ImportError as error:
    print(f"ImportError: {error}")
else:
    print(f"read again: {again.call(np.zeros(2, np.float32)).tolist()}")
PY
alone=$("$folder/venv/bin/python" "$folder/probe.py")
"$folder/venv/bin/pip" install -q --disable-pip-version-check flatbuffers==25.12.19
beside=$("$folder/venv/bin/python" "$folder/probe.py")
printf 'jax alone:        %s\nwith flatbuffers: %s\n' "$alone" "$beside"
grep -q "ImportError.*flatbuffers" <<<"$alone" && grep -q "read again: \[1.0, 1.0\]" <<<"$beside"
