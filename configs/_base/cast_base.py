"""CAST's own settings, as far as the published recipes agree; every CAST config starts from here.

Paper: Lee et al., CAST: Cross-Attention in Space and Time for Video Action Recognition, NeurIPS 2023, arXiv 2311.18825.
Code: github.com/KHU-VLL/CAST. Published flags and keys stand in brackets.

As published the learning rate and its lowest value are given for a batch of 256 clips and grow with it: `rates`
computes them. A config then holds the rates that are used; they stay as they are where train.batch_size is changed
later.
"""

import functools

from ml_collections import ConfigDict

from configs._base import clip_datasets, common

RATE, LOWEST_RATE, RATE_BATCH = 1e-3, 1e-6, 256  # clips that the published rates are for (lr, min_lr)


def rates(batch_size):
    """Settings: so many clips per update, and the learning rates that go with them."""
    scale = batch_size / RATE_BATCH
    return {
        "train": {"batch_size": batch_size},
        "optimizer": {"learning_rate": RATE * scale, "lowest_rate": LOWEST_RATE * scale},
    }


def epochs(number, warmup=5):
    """Settings: so many epochs. The rate rises in the first ones and falls by a cosine until the end."""
    return {"optimizer": {"warmup_epochs": warmup, "cosine_epochs": number - warmup}, "train": {"epochs": number}}


def base_config(name, data):
    """A CAST run on the dataset block `data`."""
    config = common.base_config(name, data)
    config.model = ConfigDict(
        {
            "name": "cast",  # system to build
            "experts": "both",  # "both"; "clip", the spatial one alone, or "videomae", the temporal one alone
            "adapters": True,  # inside the blocks of a single expert; both together have them (use_adapter)
            "train_experts": False,  # False: adapters, exchange and heads alone are trained, as published
            "patch_size": 16,  # pixels of a side of a patch
            "tubelet": 2,  # frames of a patch of the temporal expert (tubelet_size)
            "dim": 768,  # channels of both experts (embed_dim)
            "num_layers": 12,  # blocks (depth)
            "num_heads": 12,  # attention heads (num_heads)
            "mlp_ratio": 4,  # channels inside the feed-forward layers, times dim (mlp_ratio)
            "adapter_ratio": 4,  # channels of dim for one inside an adapter (mlp_ratio of Adapter, .25)
            "down_ratio": 2,  # channels of dim for one of the exchange between the experts (down_ratio)
            "drop_path": 0.2,  # probability, of the last block, that what is added to experts is left out (drop_path)
            "drop_path_axis": "sample",  # "sample"; as published "token": one of the spatial expert in all frames
            "dropout_rate": 0.0,  # probability, inside the temporal expert (drop)
            "head_dropout_rate": 0.0,  # probability, before the classifier (head_drop_rate)
            "init_scale": 1.0,  # factor on the first weights of the classifiers (init_scale)
            "start_scale": 1.0,  # factor on those of other linear maps; for small experts that nothing trained before
            "frozen_dtype": "float32",  # in which weights that are not trained are kept; or "bfloat16", "float16"
            "remat": False,  # compute the insides of the blocks again for the gradient: less memory, more time
        }
    )
    config.loss = ConfigDict(
        {
            "label_smoothing": 0.1,  # share of a target that all classes have alike (smoothing)
            "mixup_probability": 0.9,  # that the clips of a micro-batch are mixed in pairs; 0 = never (mixup_prob)
            "mixup_alpha": 0.8,  # of the beta distribution of a clip's own weight (mixup)
        }
    )
    config.optimizer.update(
        {
            "name": "adamw",
            "weight_decay": 0.05,  # of matrices alone, see `models.cast`
            "clip_norm": 0.0,
            "schedule": "cosine",
        }
    )
    config.optimizer.layer_decay = 0.75  # factor on the learning rate from a block to the one before it (layer_decay)
    config.update(epochs(50))
    config.update(rates(384))
    # As published clips are mixed in batches of 6 on each of 16 GPUs (batch_size), 4 of which make an update
    # (update_freq): 6 x 4 x 16.
    config.train.update({"micro_batch_size": 6, "log_every": 20, "eval_every": 1000})
    config.eval.update({"batch_size": 9, "select_metric": "Top1"})
    return config


def whole_config(name, model):
    """A config with all settings; see `stored`."""
    del model
    return base_config(name, clip_datasets.base())


def shrink_model(config):
    """The quick form: the same experts, adapters and exchange, a few channels, a short run."""
    config.model.update({"patch_size": 8, "dim": 16, "num_layers": 2, "num_heads": 2})
    config.update(epochs(2, warmup=1))
    config.update(rates(4))
    config.train.update({"micro_batch_size": 2, "log_every": 1, "eval_every": 2})
    config.eval.batch_size = 4


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return common.apply_arguments(config, arg, shrink_model, clip_datasets.shrink)


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
