"""Settings that the networks share which give every frame class logits, stage after stage: MS-TCN and its kin.

Loss and training are those of MS-TCN (Abu Farha & Gall, CVPR 2019), which its successors took over.
"""

from ml_collections import ConfigDict

from configs._base import common, datasets, fact_base

# A schedule for runs of a few minutes on the built-in dataset.
SYNTHETIC_TRAINING = {
    "data": {"max_buckets": 2},
    "optimizer": {"learning_rate": 1e-3, "decay_epoch": 24},
    "train": {"batch_size": 4, "epochs": 32, "log_every": 25, "eval_every": 100},
    "eval": {"batch_size": 8},
}


def base_config(name, data, model):
    """A run on the dataset block `data` with the settings `model` (a dict), of which "name" is the system."""
    config = common.base_config(name, data)
    config.model = ConfigDict(model)
    config.loss = ConfigDict(
        {
            "smoothing_weight": 0.15,  # of the smoothness beside the cross-entropy, in every stage
            "smoothing_clip": 4.0,  # largest change of a log-probability from frame to frame that counts, in nats
        }
    )
    config.optimizer.update({"learning_rate": 5e-4, "clip_norm": 0.0})
    config.train.update({"epochs": 50, "log_every": 20, "eval_every": 100})
    return config


def whole_config(name, model):
    """A config of action segmentation with all settings of the system of `model`, a config.model; see `stored`."""
    if model.get("name") in ("fact", "faformer"):
        return fact_base.base_config(name, datasets.base())
    # The settings of the others have no base: the system itself says which it knows.
    return base_config(name, datasets.base(), model)


def finish(config, arg, quick):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config.

    `quick` are the settings of config.model that make the network small.
    """
    return common.apply_arguments(config, arg, lambda config: config.model.update(quick))
