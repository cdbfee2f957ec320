#!/usr/bin/env bash
# Guess: grain reads data without JAX, as its page says that it needs none, so worker processes of a loader stay small.
# Found: `import grain` imports jax whenever jax is installed. Every worker process that unpickles a grain transformation
# pays for it: about half a second and more than a hundred MiB, though no array of the pipeline is JAX's.
# Tried: grain 0.2.18 beside jax 0.10.2 and alone, Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check grain==0.2.18 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import resource
import sys
import time

import numpy

del numpy
start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import grain

more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
assert grain.MapDataset.range(3).map(lambda x: x + 1)[2] == 3
print(f"jax imported: {'jax' in sys.modules}, {more:.0f} MiB, {time.perf_counter() - start:.1f} s")
PY
alone=$("$folder/venv/bin/python" "$folder/probe.py")
"$folder/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 numpy==2.4.6
beside=$("$folder/venv/bin/python" "$folder/probe.py")
printf 'grain alone:      %s\ngrain beside jax: %s\n' "$alone" "$beside"
grep -q "jax imported: False" <<<"$alone" && grep -q "jax imported: True" <<<"$beside"
