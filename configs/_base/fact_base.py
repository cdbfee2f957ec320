"""FACT's own settings, as far as the published configs agree; every FACT config starts from here.

Paper: Lu & Elhamifar, FACT: Frame-Action Cross-Attention Temporal Modeling for Efficient Supervised Action
Segmentation, CVPR 2024. Code: github.com/ZijiaLewisLu/CVPR2024-FACT. Published keys stand in brackets.
"""

import functools

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from configs._base import common


def encoder():
    """Settings of frame branch "t" in any block, open where the branch is another (Bi.T, Bu.T, BU.T)."""
    return {
        "encoder_layers": placeholder(int),  # layer l has a window and a dilation of 2**l frames (T.num_layers)
        "encoder_dim": placeholder(int),  # channels of the layers (T.num_f_maps)
        "encoder_reduction": placeholder(int),  # the attention has this many times fewer channels (T.r1, T.r2)
        "encoder_attention": placeholder(float),  # weight of the attention beside the convolution (T.alpha)
        "encoder_channel_dropout_rate": placeholder(float),  # of its input channels (T.channel_masking_rate)
    }


def input_block():
    """The first block, letter i or I of model.blocks (Bi)."""
    return ConfigDict(
        {
            "hidden_dim": 512,  # channels that blocks exchange; at least the number of classes + 1 (Bi.hid_dim)
            "dropout_rate": 0.0,  # probability, in both branches (Bi.dropout)
            "frame_branch": "m2",  # "m" MS-TCN or "m2" MS-TCN++; with model.name "faformer" also "t", an encoder (Bi.f)
            "frame_dim": 512,  # channels inside the frame branch (Bi.f_dim)
            "frame_layers": 10,  # dilated layers; layer l reaches 2**l frames to either side (Bi.f_layers)
            "frame_norm": False,  # LayerNorm after every layer, branch "m" only (Bi.f_ln)
            "frame_groups": 1,  # groups of the dilated convolutions (Bi.f_ngp)
            "action_branch": "sca",  # "sca" self- and cross-attention; with transcripts also "gru", "gru_om" (Bi.a)
            "action_dim": 512,  # channels inside the action branch; a multiple of action_heads (Bi.a_dim)
            "action_layers": 6,  # layers of the action branch (Bi.a_layers)
            "action_heads": 8,  # attention heads (Bi.a_nhead)
            "action_ff_dim": 512,  # channels of the feed-forward layers (Bi.a_ffdim)
            **encoder(),
        }
    )


def update_block():
    """A block of letter u (Bu). None: the value of the nearest block kind before it in model.blocks."""
    return ConfigDict(
        {
            "hidden_dim": placeholder(int),  # channels; must not differ from the input block's (Bu.hid_dim)
            "dropout_rate": placeholder(float),  # probability (Bu.dropout)
            "frame_branch": placeholder(str),  # "m", "m2" or "t" (Bu.f)
            "frame_dim": placeholder(int),  # channels (Bu.f_dim)
            "frame_layers": 10,  # dilated layers (Bu.f_layers)
            "frame_norm": placeholder(bool),  # LayerNorm, branch "m" only (Bu.f_ln)
            "frame_groups": placeholder(int),  # groups (Bu.f_ngp)
            "action_branch": "sa",  # "sa" self-attention; with transcripts also "gru", "gru_om" (Bu.a)
            "action_dim": placeholder(int),  # channels (Bu.a_dim)
            "action_layers": 1,  # layers (Bu.a_layers)
            "action_heads": placeholder(int),  # attention heads (Bu.a_nhead)
            "action_ff_dim": placeholder(int),  # channels (Bu.a_ffdim)
            **encoder(),
        }
    )


def temporal_block():
    """A block of letter U, which works on the predicted segments (BU). None: inherited as above."""
    block = update_block()
    block.segment_layers = 1  # layers of the bidirectional GRU over segments (BU.s_layers)
    return block


def base_config(name, data):
    """A FACT run on the dataset block `data`."""
    config = common.base_config(name, data)
    config.model = ConfigDict(
        {
            "name": "fact",  # system to build: "fact" or "faformer"
            "blocks": "iuUU",  # one letter per block: i, then u or U; with verbs and nouns I, then U (FACT.block)
            "num_tokens": 60,  # action tokens M; match "o2o" needs one for every segment of a video (FACT.ntoken)
            "use_transcript": False,  # tokens are the given actions of the video, in order (FACT.trans)
            "frame_positions": False,  # sinusoidal positions of the frames (FACT.fpos)
            "ignore_positions": False,  # add no positions, not even learned ones, to queries and keys: FAFormer
            "channel_dropout_rate": 0.3,  # probability to drop an input channel for a whole video (FACT.cmr)
            "frame_weight": 0.1,  # share of the frame branch in the final prediction, 0 to 1 (FACT.mwt)
            "soft_vote": False,  # all tokens say what a frame is, by its attention to them, not the strongest alone
            "segment_buckets": (128, 1024),  # predicted segments padded to; T is always the last one
            "remat": False,  # compute the insides of the blocks twice: less memory, a third slower
            "input_block": input_block(),
            "update_block": update_block(),
            "temporal_block": temporal_block(),
            "time_mask": ConfigDict(
                {
                    "count": 0,  # stretches of frames set to zero in training; 0 = off (TM.use, TM.m)
                    "max_frames": 30,  # each shorter than this many frames (TM.t)
                    "max_fraction": 0.05,  # and at most this share of the video (TM.p)
                }
            ),
        }
    )
    config.loss = ConfigDict(
        {
            "match": "o2o",  # "o2o" a token per segment, "o2m" one per class and more, "seq" in order (Loss.match)
            "prob_cost": 0.2,  # weight of the class probability in the matching cost (Loss.pc)
            "overlap_cost": 1.0,  # weight of the temporal overlap in the matching cost (Loss.a2fc)
            "background_weight": 1.0,  # loss weight of background classes, relative to 1 (Loss.bgw)
            "null_weight": -1.0,  # loss weight of unmatched tokens; -1 = from the average transcript (Loss.nullw)
            "smoothing_weight": 5.0,  # weight of the smoothness terms (Loss.sw)
        }
    )
    return config


def shrink_model(config):
    """The quick form: the same blocks, branches and matching, a few channels and layers."""
    config.model.update({"num_tokens": 0 if config.model.use_transcript else 24, "segment_buckets": ()})
    config.model.input_block.update(
        {
            "hidden_dim": 16,
            "frame_dim": 16,
            "frame_layers": 2,
            "action_dim": 16,
            "action_layers": 1,
            "action_heads": 2,
            "action_ff_dim": 16,
        }
    )
    config.model.update_block.frame_layers = config.model.temporal_block.frame_layers = 2
    for block in (config.model.input_block, config.model.update_block, config.model.temporal_block):
        if block.encoder_dim is not None:
            block.update({"encoder_dim": 8, "encoder_layers": 2, "encoder_reduction": 2})


def finish(config, arg):
    """Applies the arguments after the colon of `--config FILE:ARGS` and locks the config."""
    return common.apply_arguments(config, arg, shrink_model)


# entry(name, data, *changes) is the `get_config` of a config file.
entry = functools.partial(common.entry, base_config, finish)
