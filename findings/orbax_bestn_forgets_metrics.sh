#!/usr/bin/env bash
# Guess: with `preservation_policy=BestN(get_metric_fn=...)`, metrics given to `save(metrics=...)` belong to the checkpoint.
# Found: without `best_fn` they are never written. They live in the memory of the manager that saved, so BestN ranks right
# within one process; after a restart the checkpoints of the process before have no metrics, and BestN no longer knows the
# best one: the next save deletes it, or keeps all of them.
# With `best_fn` set beside the policy, a "metrics" item is written and the best one survives the restart.
# Tried: orbax-checkpoint 0.12.8, jax 0.10.2, Python 3.11, CPU.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check orbax-checkpoint==0.12.8 jax==0.10.2 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import sys

import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

folder, first, with_best_fn = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "best_fn"
scores = {1: 0.9, 2: 0.1, 3: 0.2, 4: 0.3}
policy = policies.AnyPreservationPolicy(
    [policies.LatestN(1), policies.BestN(get_metric_fn=lambda metrics: metrics["score"], reverse=False, n=1)]
)
more = {"best_fn": lambda metrics: metrics["score"]} if with_best_fn else {}
options = ocp.CheckpointManagerOptions(preservation_policy=policy, enable_async_checkpointing=False, **more)
with ocp.CheckpointManager(folder, options=options) as manager:
    for step in (first, first + 1):
        manager.save(step, args=ocp.args.StandardSave({"w": np.float32([step])}), metrics={"score": scores[step]})
    manager.wait_until_finished()
    print(sorted(manager.all_steps()))
PY
run() { JAX_PLATFORMS=cpu "$folder/venv/bin/python" "$folder/probe.py" "$@" 2>/dev/null; }
echo "scores: step 1 0.9 (the best), steps 2 to 4 0.1 to 0.3; latest and best are to be kept"
before=$(run "$folder/a" 1 plain); after=$(run "$folder/a" 3 plain)
echo "without best_fn: first process keeps $before, second process keeps $after"
before_fn=$(run "$folder/b" 1 best_fn); after_fn=$(run "$folder/b" 3 best_fn)
echo "with best_fn:    first process keeps $before_fn, second process keeps $after_fn"
[ "$before" = "[1, 2]" ] && [ "$before_fn" = "[1, 2]" ] && [ "$after_fn" = "[1, 4]" ] && [ "$after" != "[1, 4]" ]
