"""ActionFormer's own settings, as far as the published configs agree; every ActionFormer config starts from here.

Paper: Zhang, Wu & Li, ActionFormer: Localizing Moments of Actions with Transformers, ECCV 2022.
Code: github.com/happyharrycn/actionformer_release. Published keys stand in brackets.

The published code multiplies the learning rate by the number of devices; here the batch is that of all devices
together, and the learning rate is as given.
"""

import functools

from ml_collections import ConfigDict

from configs._base import common, localization_datasets

# Distances that the frames of a level regress, in grid units: those of neighbouring levels overlap.
OVERLAPPING_FROM = (0, 2, 4, 8, 16, 32, 64, 128)
OVERLAPPING_TO = (4, 8, 16, 32, 64, 128, 256, 10000)


def epochs(number, *, steps_per_epoch, warmup=5):
    """Settings: so many epochs after the warm-up, evaluated every five epochs of the published dataset."""
    return {
        "optimizer": {"cosine_epochs": number, "warmup_epochs": warmup},
        "train": {"epochs": warmup + number, "eval_every": 5 * steps_per_epoch},
    }


def widths(dim, num_heads=4):
    """Settings of the model: as many channels in the blocks, the neck and the heads."""
    return {"dim": dim, "neck_dim": dim, "head_dim": dim, "num_heads": num_heads}


def ego4d_levels(branch_layers=7):
    """Settings of the model that the published configs of Ego4D share."""
    return {
        "branch_layers": branch_layers,
        "window_sizes": (9,),
        "absolute_positions": True,
        "dropout_rate": 0.1,
        "regression_from": OVERLAPPING_FROM[: branch_layers + 1],
        "regression_to": (*OVERLAPPING_TO[:branch_layers], 10000),
    }


def base_config(name, blocks):
    """An ActionFormer run on `blocks`, a dataset block and the detection block that goes with it."""
    config = common.base_config(name, blocks[0])
    config.detection = blocks[1]
    config.model = ConfigDict(
        {
            "name": "actionformer",  # system to build
            "backbone": "transformer",  # "transformer", or "conv" without attention (backbone_type)
            "embedding_layers": 2,  # convolutions before the blocks (backbone_arch, first number)
            "stem_layers": 2,  # blocks on the feature grid itself (backbone_arch, second number)
            "branch_layers": 5,  # blocks that go one level up the pyramid each (backbone_arch, third number)
            "scale_factor": 2,  # frames of a level for one of the next (scale_factor)
            "stream_dims": (),  # input channels of several feature streams; () = one, used as it is (input_dim)
            "stream_widths": (),  # channels that each stream is mapped to, together `dim` (embd_dim)
            "dim": 512,  # channels of the blocks (embd_dim)
            "num_heads": 4,  # attention heads (n_head)
            "window_sizes": (-1,),  # keys around a query, one for all levels or one each; -1 = all (n_mha_win_size)
            "embedding_kernel": 3,  # frames of an embedding convolution (embd_kernel_size)
            "embedding_norm": True,  # LayerNorm after it (embd_with_ln)
            "absolute_positions": False,  # add sinusoids behind the embedding (use_abs_pe)
            "relative_positions": False,  # learned numbers per distance in local attention (use_rel_pe)
            "neck": "identity",  # "identity", or "fpn" that adds coarser levels to finer ones (fpn_type)
            "neck_dim": 512,  # channels of the neck; with "identity" those of the blocks (fpn_dim)
            "neck_norm": True,  # LayerNorm at its end (fpn_with_ln)
            "first_level": 0,  # finest level with predictions (fpn_start_level)
            "head_dim": 512,  # channels of the heads (head_dim)
            "head_layers": 3,  # convolutions of a head with the last one (head_num_layers)
            "head_kernel": 3,  # frames of each (head_kernel_size)
            "head_norm": True,  # LayerNorm between them (head_with_ln)
            "regression_from": (0, 4, 8, 16, 32, 64),  # grid units, least distance per level (regression_range)
            "regression_to": (4, 8, 16, 32, 64, 10000),  # grid units, largest distance per level (regression_range)
            "class_prior": 0.01,  # probability of every class before training (cls_prior_prob)
            "dropout_rate": 0.0,  # probability, after attention and in feed-forward layers (dropout)
            "drop_path_rate": 0.1,  # probability to leave out a branch of a block for a video (droppath)
            "remat": False,  # compute the insides of the blocks twice instead of keeping them: less memory, slower
        }
    )
    config.loss = ConfigDict(
        {
            "center_sampling": "radius",  # points of an instance: near its centre; "none": all in it (center_sample)
            "center_radius": 1.5,  # strides around the centre (center_sample_radius)
            "label_smoothing": 0.0,  # share of a target that is spread over the classes (label_smoothing)
            "regression_weight": 1.0,  # beside the classification; 0 = as much as makes both equal (loss_weight)
            "first_normalizer": 100.0,  # start of the running mean of positive points of a batch (init_loss_norm)
        }
    )
    config.optimizer.update(
        {
            "name": "adamw",
            "learning_rate": 1e-4,
            "weight_decay": 0.05,
            "clip_norm": 1.0,
            "schedule": "cosine",
            "warmup_epochs": 5,
            "ema_decay": 0.999,
        }
    )
    config.train.update({"batch_size": 2, "log_every": 50})
    config.eval.update({"batch_size": 1, "select_metric": "mAP@avg", "max_timelines": 40})
    return config


def whole_config(name, model):
    """A config with all settings; see `stored`."""
    del model
    return base_config(name, localization_datasets.custom())


def shrink_model(config):
    """The quick form: the same backbone, neck and positions, a few channels and levels, a short run."""
    model, streams = config.model, len(config.model.stream_dims)
    windows = tuple(min(window, 5) for window in config.model.window_sizes)
    if streams:
        model.stream_dims = (2,) * (streams - 1) + (config.data.synthetic.feature_dim - 2 * (streams - 1),)
        model.stream_widths = (4,) * (streams - 1) + (16 - 4 * (streams - 1),)
    model.update(
        {
            "stem_layers": 1,
            "branch_layers": 2,
            "dim": 16,
            "num_heads": 2,
            "neck_dim": 16,
            "head_dim": 16,
            "window_sizes": windows if len(windows) == 1 else windows[:2] + windows[-1:],
            "regression_from": model.regression_from[:3],
            "regression_to": model.regression_to[:2] + (10000,),
        }
    )
    config.train.update({"batch_size": min(config.train.batch_size, 2), "log_every": 1, "eval_every": 2})
    config.optimizer.update({"warmup_epochs": 1, "cosine_epochs": 1})
    config.train.epochs = 2
    config.eval.batch_size = 2


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return common.apply_arguments(config, arg, shrink_model, localization_datasets.shrink)


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
