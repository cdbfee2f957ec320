"""FACT on the built-in synthetic dataset: the first run of a newcomer, a few minutes on two CPU cores.

Result: frame accuracy above 85 and F1@50 above 80 on the test videos (measured values: fact_jax/benchmark/history).
Command: python main.py --config configs/fact_synthetic.py --workdir runs/synthetic
"""

from configs._base import datasets, fact_base

# A network and a schedule for runs of about two minutes.
SETTINGS = {
    "data": {"max_buckets": 2},  # a third would save less padding than its compilation takes
    "model": {
        "blocks": "iuU",
        "num_tokens": 30,
        "channel_dropout_rate": 0.1,
        "input_block": {
            "hidden_dim": 64,
            "dropout_rate": 0.1,
            "frame_branch": "m",
            "frame_dim": 64,
            "frame_layers": 8,
            "action_dim": 64,
            "action_layers": 3,
            "action_ff_dim": 64,
        },
        "update_block": {"frame_layers": 8},
        "temporal_block": {"frame_layers": 8},
    },
    "optimizer": {"learning_rate": 1e-3, "decay_epoch": 18},
    "train": {"batch_size": 4, "epochs": 24, "log_every": 25, "eval_every": 100},
    "eval": {"batch_size": 8},
}

get_config = fact_base.entry("fact_synthetic", datasets.synthetic, SETTINGS)
