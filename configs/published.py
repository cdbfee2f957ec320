"""Any config of the published FACT code, read from its YAML file.

Command: python main.py --config configs/published.py:THEIR.yaml --config.data.dir=FOLDER --workdir runs/theirs

Their datasets breakfast, gtea, ego and epic give the folder layout of our config of the same dataset; any other name
takes feature_path, groundTruth_path, map_fname and split_path from the file, below data.dir if they are relative.
"""

from configs._base import datasets, fact_base
from fact_jax.models.fact import published_config


def get_config(arg=""):
    """Accepts the YAML file after the colon, and then `split=2`, `seed=0` and `quick`, separated by commas."""
    # The name of a folder or a file may hold commas; the arguments begin behind its ending.
    ends = [arg.rfind(ending) + len(ending) for ending in (".yaml", ".yml") if ending in arg]
    start = max(ends, default=0)
    rest, _, arguments = arg[start:].partition(",")
    path = arg[:start] + rest
    if not path:
        raise ValueError("name a YAML file of the published code after the colon: configs/published.py:THEIR.yaml")
    published = published_config.read(path)
    known = published.dataset in published_config.DATASETS.values()
    data = getattr(datasets, published.dataset)() if known else datasets.base()
    if not known:
        data.dataset = published.dataset
    config = fact_base.base_config(published.name, data)
    config.update_from_flattened_dict(published.settings)
    return fact_base.finish(config, arguments)
