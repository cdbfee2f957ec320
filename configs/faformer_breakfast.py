"""FAFormer on Breakfast: the published network, trained as FACT is on this dataset.

No FAFormer config for Breakfast is published, though its code knows the dataset; so no result is claimed.
Command: python main.py --config configs/faformer_breakfast.py:split=1 --config.data.dir=BREAKFAST --workdir runs/fa1
"""

from configs import fact_breakfast
from configs._base import datasets, faformer_base

get_config = faformer_base.entry("faformer_breakfast", datasets.breakfast, fact_breakfast.SETTINGS)
