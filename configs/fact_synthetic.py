"""FACT on the built-in synthetic dataset: the first run of a newcomer, a few minutes on two CPU cores.

Result: frame accuracy above 85 and F1@50 above 80 on the test videos (measured values: fact_jax/benchmark/history).
Command: python main.py --config configs/fact_synthetic.py --workdir runs/synthetic
"""

from configs._base import datasets, fact_base


def apply_synthetic_settings(config):
    """A network and a schedule for runs of about two minutes."""
    config.model.update({"blocks": "iuU", "num_tokens": 30, "channel_dropout_rate": 0.1})
    config.model.input_block.update(
        {
            "hidden_dim": 64,
            "dropout_rate": 0.1,
            "frame_branch": "m",
            "frame_dim": 64,
            "frame_layers": 8,
            "action_dim": 64,
            "action_layers": 3,
            "action_ff_dim": 64,
        }
    )
    config.model.update_block.frame_layers = config.model.temporal_block.frame_layers = 8
    config.data.max_buckets = 2  # a third would save less padding than its compilation takes
    config.optimizer.update({"learning_rate": 1e-3, "decay_epoch": 18})
    config.train.update({"batch_size": 4, "epochs": 24, "log_every": 25, "eval_every": 100})
    config.eval.batch_size = 8


def get_config(arg=""):
    """Accepts `seed=0` and `quick` after the colon, separated by commas; the dataset has one split."""
    config = fact_base.base_config("fact_synthetic", datasets.synthetic())
    apply_synthetic_settings(config)
    return fact_base.finish(config, arg)
