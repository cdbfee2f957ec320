"""The recipes of FACT and FAFormer for datasets with 15 to 100 training videos, beside the published settings.

What each setting is worth: fact_jax/benchmark/history/few-videos_2core_2026-12-01.md and recipe_2core_2026-12-01.md.
"""

SMALL = {
    "data": {"crop_share": 0.3, "max_speed": 1.5, "gain_deviation": 0.5, "offset_deviation": 0.3},
    "model": {
        "channel_dropout_rate": 0.1,
        "time_mask": {"count": 0},
        "soft_vote": True,
        "frame_weight": 0.0,
        "input_block": {"hidden_dim": 64, "frame_dim": 64, "action_dim": 64, "action_layers": 3, "action_ff_dim": 128},
    },
    "loss": {"smoothing_weight": 0.15},
    "optimizer": {"learning_rate": 1e-3, "schedule": "cosine", "warmup_epochs": 10, "cosine_epochs": 190},
    "train": {"epochs": 200},
}
# By what stands after `recipe=`; the first one is the usual.
RECIPES = {"published": {}, "small": SMALL}
