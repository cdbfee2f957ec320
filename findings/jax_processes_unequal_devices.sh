#!/usr/bin/env bash
# Guess: `jax.experimental.multihost_utils` serves any job that `jax.distributed.initialize` accepts, and
# `broadcast_one_to_all` hands on process 0's values as they are.
# Found: 1. where processes have different numbers of devices (a 2-GPU machine beside a 1-GPU machine), broadcast,
# process_allgather and sync_global_devices raise ValueError, though pmap and psum over all devices work.
# 2. the broadcast is a sum over processes, so -0.0 arrives as 0.0: checksums of the bytes differ between processes.
# Tried: jax 0.10.2, Python 3.11, CPU, two processes on one machine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import sys

import jax
import numpy as np
from jax.experimental import multihost_utils

index, devices, port = map(int, sys.argv[1:4])
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", devices)
jax.distributed.initialize(f"localhost:{port}", 2, index)
everywhere = {"axis_name": "i", "axis_size": jax.device_count(), "devices": jax.devices()}
total = jax.pmap(lambda x: jax.lax.psum(x, "i"), **everywhere)(np.ones(devices, np.float32))
print(f"psum over {jax.device_count()} devices: {float(total.addressable_shards[0].data[0]):g}")
for name, call in {
    "broadcast_one_to_all": lambda: multihost_utils.broadcast_one_to_all(np.float32([-0.0, 1.5])),
    "process_allgather": lambda: multihost_utils.process_allgather(np.float32([1.0])),
    "sync_global_devices": lambda: multihost_utils.sync_global_devices("here"),
}.items():
    try:
        value = call()
        sign = f", sign of -0.0 kept: {bool(np.signbit(np.asarray(value)[0]))}" if name.startswith("b") else ""
        print(f"{name}: ok{sign}")
    except ValueError as error:
        print(f"{name}: ValueError ({str(error)[:26]})")
PY
pair() { # devices of process 0, of process 1
    port=$(python3 -c "import socket; s = socket.socket(); s.bind(('localhost', 0)); print(s.getsockname()[1])")
    timeout 120 "$folder/venv/bin/python" "$folder/probe.py" 1 "$2" "$port" >/dev/null 2>&1 &
    timeout 120 "$folder/venv/bin/python" "$folder/probe.py" 0 "$1" "$port" 2>/dev/null | grep -v Gloo
    wait
}
equal=$(pair 2 2); unequal=$(pair 2 1)
printf 'two and two devices:\n%s\ntwo and one:\n%s\n' "$equal" "$unequal"
grep -q "psum over 4 devices: 4" <<<"$equal" && grep -q "sign of -0.0 kept: False" <<<"$equal"
grep -q "psum over 3 devices: 3" <<<"$unequal" && [ "$(grep -c ValueError <<<"$unequal")" = 3 ]
