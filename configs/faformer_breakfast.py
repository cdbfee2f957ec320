"""FAFormer on Breakfast: the published network, trained as FACT is on this dataset.

No FAFormer config for Breakfast is published, though its code knows the dataset; so no result is claimed.
Command: python main.py --config configs/faformer_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/fa1
"""

from configs import fact_breakfast
from configs._base import datasets, fact_base, faformer_base


def get_config(arg=""):
    """Accepts `split=1`, `seed=0` and `quick` after the colon, separated by commas."""
    config = faformer_base.base_config("faformer_breakfast", datasets.breakfast())
    fact_breakfast.apply_training_settings(config)
    return fact_base.finish(config, arg)
