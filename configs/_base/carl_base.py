"""CARL's own settings, as far as the published configs agree; every CARL config starts from here.

Paper: Chen et al., Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning, CVPR 2022.
Code: github.com/minghchen/CARL_code. Published keys stand in brackets.

The published batch size is that of one GPU; here a batch is that of all devices together, and the learning rate is as
given.
"""

import functools

from ml_collections import ConfigDict

from configs._base import common, video_datasets


def epochs(number):
    """Settings: so many epochs. As published the cosine, which falls from epoch to epoch, ends one epoch later."""
    return {"optimizer": {"cosine_epochs": number + 1}, "train": {"epochs": number}}


def base_config(name, data):
    """A CARL run on the dataset block `data`."""
    config = common.base_config(name, data)
    config.model = ConfigDict(
        {
            "name": "carl",  # system to build
            "embedder": "transformer",  # "transformer"; "conv" and "vanilla" see single frames (EMBEDDER_TYPE)
            "stem_dim": 64,  # channels of the first convolution of the ResNet
            "stage_dims": (64, 128, 256, 512),  # channels inside the bottlenecks of its four stages
            "stage_blocks": (3, 4, 6, 3),  # bottlenecks of its four stages; 0 = a stage is left out
            "backbone_stages": 3,  # first stages that are the backbone; those behind them are trained (LAYER)
            "train_backbone": "frozen",  # "frozen"; "norms" or "all" without transformer (TRAIN_BASE)
            "chunk_frames": 40,  # steps of time that share statistics in the trained stages (FRAMES_PER_BATCH)
            "frames_at_once": 0,  # frames that go through the frozen backbone at a time; 0 = by the hardware
            "conv_dims": (512, 512),  # channels of the convolutions over time of "conv" (CONV_LAYERS)
            "fc_dims": (512, 512),  # channels of the layers behind the largest pixel (FC_LAYERS by CAPACITY_SCALAR)
            "hidden_dim": 256,  # channels of the transformer (HIDDEN_SIZE)
            "ff_dim": 1024,  # channels inside its feed-forward layers (D_FF)
            "num_heads": 8,  # attention heads (NUM_HEADS)
            "num_layers": 2,  # layers of the transformer (NUM_LAYERS)
            "embedding_dim": 128,  # channels of an embedding (EMBEDDING_SIZE)
            "projection_dim": 128,  # channels inside the projection head; 0 = no head (PROJECTION_SIZE)
            "dropout_rate": 0.1,  # probability, everywhere (FC_DROPOUT_RATE)
            "l2_normalize": True,  # embeddings have unit length (L2_NORMALIZE)
        }
    )
    config.loss = ConfigDict(
        {
            "objective": "scl",  # "scl", "tcc", "tcn" or "classification" (TRAINING_ALGO)
            "negatives": "single_noself",  # of scl; "batch..." those of other videos too (NEGATIVE_TYPE)
            "positives": "gauss",  # of scl (POSITIVE_TYPE)
            "label_variance": 10.0,  # squared frames, of the bell curve of scl (LABEL_VARIENCE)
            "temperature": 0.1,  # of scl (SCL.SOFTMAX_TEMPERATURE)
            "cycle": "regression_mse_var",  # of tcc (LOSS_TYPE)
            "similarity": "l2",  # of tcc: "l2" or "cosine" (SIMILARITY_TYPE)
            "cycle_temperature": 0.1,  # of tcc (TCC.SOFTMAX_TEMPERATURE)
            "label_smoothing": 0.1,  # of tcc (LABEL_SMOOTHING)
            "variance_weight": 0.001,  # of tcc (VARIANCE_LAMBDA)
            "normalize_steps": True,  # of tcc: times are shares of the video (NORMALIZE_INDICES)
            "regularization": 0.002,  # of tcn, of the squared lengths (REG_LAMBDA)
        }
    )
    config.optimizer.update(
        {
            "learning_rate": 1e-4,
            "weight_decay": 1e-5,  # of all parameters, biases and normalisations too
            "clip_norm": 10.0,
            "schedule": "cosine",
            "lowest_rate": 0.0,
        }
    )
    config.optimizer.update(
        {
            "per_epoch": True,  # the learning rate stays the same within an epoch, as published
            "warmup_rate": 0.0,  # learning rate that the warm-up starts at (WARMUP_LR)
        }
    )
    config.update(epochs(300))
    config.train.update({"log_every": 20, "eval_every": 1000})
    config.eval.update({"batch_size": 1, "select_metric": "Tau"})
    _add_scores(config.eval)
    return config


def _add_scores(options):
    """Puts the settings of the scores into config.eval."""
    options.update(
        {
            "frames_per_chunk": 1000,  # most frames that are embedded together (EVAL.FRAMES_PER_BATCH)
            "frame_stride": 1,  # every such frame is embedded (SAMPLE_ALL_STRIDE)
            "tasks": ("classification", "progress", "tau", "retrieval"),  # or "linear_probe" of FineGym (EVAL.TASKS)
            "fractions": (0.1, 0.5, 1.0),  # of the training videos that linear models see (CLASSIFICATION_FRACTIONS)
            "stride": 1,  # embedded frames, every such one counts for tau and retrieval (KENDALLS_TAU_STRIDE)
            "retrieval_sizes": (5, 10, 15),  # k of AP@k (RETRIEVAL_KS)
            "tau_distance": "sqeuclidean",  # (KENDALLS_TAU_DISTANCE)
            "at_start": False,  # the network is evaluated before the first step too
            "pixel_size": 0,  # also score the pixels themselves, averaged to this height and width; 0 = no
        }
    )
    options.probe = ConfigDict(
        {
            "learning_rate": 50.0,  # of "linear_probe"; 0.1 where embeddings have no unit length (CLASSIFICATION_LR)
            "epochs": 100,  # (CLASSIFICATION_EPOCHS)
            "videos_per_step": 10,  # whose frames are one batch
            "momentum": 0.9,  # of its SGD
            "weight_decay": 1e-6,  # of its SGD
        }
    )


def whole_config(name, model):
    """A config with all settings; see `stored`."""
    del model
    return base_config(name, video_datasets.base())


def shrink_model(config):
    """The quick form: the same embedder, loss and frozen parts, a few channels, a short run."""
    model = config.model
    model.update(
        {
            "stem_dim": 8,
            "stage_dims": (4, 4, 8, 8),
            "stage_blocks": (1, 1, 1, 1),
            "chunk_frames": 8,
            "conv_dims": (8,),
            "fc_dims": (16,),
            "hidden_dim": 16,
            "ff_dim": 16,
            "num_heads": 2,
            "num_layers": min(model.num_layers, 1),
            "embedding_dim": 8,
            "projection_dim": min(model.projection_dim, 8),
        }
    )
    if model.embedder == "conv":
        config.data.augmentation.size = config.data.synthetic.size = 96  # of which convolutions leave a pixel
    config.update(epochs(2))
    config.train.update({"batch_size": min(config.train.batch_size, 2), "log_every": 1, "eval_every": 2})
    config.eval.batch_size = 2
    config.eval.probe.epochs = 2


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return common.apply_arguments(config, arg, shrink_model, video_datasets.shrink)


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
