#!/usr/bin/env bash
# Guess: a TFDS dataset in array_record whose shard was cut off (a copy that stopped half way) is refused when it is opened,
# or its data source is shorter, because array_record knows how many records a file has.
# Found: the description of the dataset is believed. `builder_from_directory`, `as_data_source` and `len` go on as before;
# only reading a record raises. array_record itself refuses the same file as soon as its length is asked for.
# Tried: tensorflow-datasets 4.9.10, array_record 0.8.6, Python 3.11, no TensorFlow.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow-datasets==4.9.10 array_record==0.8.6 numpy==2.4.6
cat > "$folder/probe.py" <<'PY'
import pathlib
import sys

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_data_source import ArrayRecordDataSource


class Numbers(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"x": tfds.features.Tensor(shape=(1000,), dtype=np.float32)})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for key in range(20):
            yield key, {"x": np.random.default_rng(key).normal(size=1000).astype(np.float32)}


def attempt(what, action):
    try:
        print(f"{what}: {action()}")
    except Exception as error:
        print(f"{what}: {type(error).__name__}")


folder = sys.argv[1]
builder = Numbers(data_dir=folder, file_format="array_record")
builder.download_and_prepare()
(shard,) = pathlib.Path(builder.data_dir).glob("*.array_record*")
for state in ("whole", "cut off"):
    if state == "cut off":
        shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    source = tfds.builder_from_directory(builder.data_dir).as_data_source(split="train")
    attempt(f"{state}, len of TFDS", lambda: len(source))
    attempt(f"{state}, first record of TFDS", lambda: source[0]["x"].shape)
    attempt(f"{state}, len of array_record", lambda: len(ArrayRecordDataSource(str(shard))))
PY
"$folder/venv/bin/python" "$folder/probe.py" "$folder/data" 2>/dev/null | grep -E "^(whole|cut off)" | tee "$folder/output"
for line in "whole, len of TFDS: 20" "whole, first record of TFDS: (1000,)" "whole, len of array_record: 20" \
    "cut off, len of TFDS: 20" "cut off, first record of TFDS: RuntimeError" "cut off, len of array_record: RuntimeError"; do
    grep -qxF "$line" "$folder/output"
done
