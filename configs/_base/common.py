"""What every config shares: the settings of a run and the arguments after the colon of `--config FILE:ARGS`.

`configs/fact_gtea.py:split=2,seed=1` trains on split 2 with seed 1; `quick` shrinks any config to a run of about
a minute, nearly all of it compilation, on the synthetic dataset: with the blocks, branches and matching of the config
itself.
"""

import dataclasses
import difflib

from ml_collections import ConfigDict

ARGUMENTS = {
    "split": "split=2 for split2, or a whole name such as split=fold0",
    "seed": "seed=1, a whole number of 0 or more",
    "quick": "quick, without a value",
    "recipe": "recipe=small, of a config that has recipes",
}


def parse_arguments(arg):
    """Turns "split=2,quick,seed=1" into {"split": "split2", "quick": True, "seed": 1}.

    A ValueError names the valid arguments if one is unknown, given twice or without its value.
    """
    parsed = {}
    for item in filter(None, (part.strip() for part in arg.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        valid = "Valid arguments after the colon: " + "; ".join(ARGUMENTS.values()) + "."
        if key not in ARGUMENTS:
            guess = difflib.get_close_matches(key, ARGUMENTS, n=1, cutoff=0.5)
            hint = f" Did you mean {guess[0]!r}?" if guess else ""
            raise ValueError(f"unknown config argument {key!r}.{hint} {valid}")
        if key in parsed:
            raise ValueError(f"config argument {key!r} is given twice. {valid}")
        takes_value = key != "quick"
        if bool(equals) != takes_value or bool(value) != takes_value or (key == "seed" and not value.isdecimal()):
            raise ValueError(f"config argument {item!r} is not of the form {ARGUMENTS[key]}.")
        if key == "split":
            parsed[key] = f"split{value}" if value.isdecimal() else value
        else:
            parsed[key] = {"seed": int, "recipe": str, "quick": bool}[key](value or True)
    return parsed


def choose_recipe(name, recipes, arg):
    """(name, settings, arguments): what `recipe=NAME` in the arguments `arg` of the config `name` asks for.

    `recipes` holds the settings of every recipe; the first one stands where none is named, and leaves the name of the
    config as it is. The arguments come back without the recipe.
    """
    usual = next(iter(recipes))
    chosen = parse_arguments(arg).get("recipe", usual)
    if chosen not in recipes:
        guess = difflib.get_close_matches(chosen, recipes, n=1)
        hint = f" Did you mean {guess[0]!r}?" if guess else ""
        raise ValueError(f"there is no recipe {chosen!r}.{hint} {name} has: {', '.join(recipes)}.")
    others = (item for item in arg.split(",") if item.partition("=")[0].strip() != "recipe")
    return name if chosen == usual else f"{name}_{chosen}", recipes[chosen], ",".join(others)


def data_block(defaults, synthetic, changes):
    """config.data as a ConfigDict: the dataclass `defaults` with `changes` of fields.

    `synthetic` names the settings of the synthetic dataset that a config has.
    """
    fields = dataclasses.asdict(defaults)
    fields["synthetic"] = {name: fields["synthetic"][name] for name in synthetic}
    data = ConfigDict(fields)
    data.lock().update(changes)
    return data.unlock()


def base_config(name, data):
    """Settings that do not depend on the system. The comments name unit and, in brackets, the published key."""
    config = ConfigDict()
    config.name = name  # name of the run, shown in its tables
    config.seed = 0  # of initial weights, dropout and the order of the videos; same config and seed, same numbers
    config.matmul_precision = "highest"  # full float32 products; "default" is faster on GPU and TPU and less exact
    config.dtype = "float32"  # of matrix products and convolutions: "float32", or "bfloat16" (parameters stay float32)
    config.compilation_cache = True  # keep compiled programs in the user's cache folder for the next run
    config.data = data
    config.optimizer = ConfigDict(
        {
            "name": "adam",  # "adam", "adamw" or "sgd" (optimizer)
            "learning_rate": 1e-4,  # per step (lr)
            "momentum": 0.0,  # of sgd (momentum)
            "weight_decay": 0.0,  # added to the gradient as in the published code; decoupled in adamw (weight_decay)
            "clip_norm": 10.0,  # largest global norm of the gradient; 0 = no clipping (clip_grad_norm)
            "schedule": "drop",  # of the learning rate after the warm-up: one "drop", a "cosine", or "multistep"
            "warmup_epochs": 0,  # epochs in which the learning rate rises from 0 in a line; 0 = none
            "decay_epoch": -1,  # of "drop": epochs until the drop of the learning rate; 0 or less = never (lr_decay)
            "decay_factor": 0.1,  # of "drop" and "multistep": learning rate after a drop, relative to before
            "cosine_epochs": 0,  # of "cosine": epochs from the end of the warm-up to the lowest rate
            "lowest_rate": 1e-8,  # of "cosine": learning rate at its end
            "milestones": (),  # of "multistep": epochs after the warm-up at which the learning rate drops
            "plateau_factor": 0.0,  # the same after epochs without a smaller training loss; 0 = off
            "plateau_patience": 3,  # epochs in a row that may bring none; the next one lowers the learning rate
            "ema_decay": 0.0,  # per step, of averaged weights used in evaluation; 0 = off
        }
    )
    config.train = ConfigDict(
        {
            "batch_size": 1,  # videos per update, all devices together (batch_size)
            "micro_batch_size": 0,  # videos whose gradients are computed at once, each group padded on its own; 0 = all
            "sampling": "random",  # videos that share an update: "random" (published), or "by_length" with less padding
            "epochs": 100,  # passes over the training videos (epoch)
            "steps": 0,  # updates; 0 = as many as the epochs have
            "log_every": 100,  # steps between log lines (aux.print_every)
            "eval_every": 1000,  # steps between evaluations; there is one at the end in any case (aux.eval_every)
            "skip_nonfinite": False,  # skip and count steps whose loss or gradients are not finite, instead of stopping
        }
    )
    config.eval = ConfigDict(
        {
            "batch_size": 1,  # videos per evaluation batch, all devices together
            "select_metric": "F1@0.50",  # the best checkpoint has the largest value of this metric, in percent
            "again": True,  # the best and the last step once more at the end, which checks them and writes predictions
            "figures": True,  # draw timelines, confusion matrix and training curves (PNG)
            "max_timelines": 100,  # most test videos of which timelines are drawn, from the worst to the best; 0 = all
        }
    )
    config.checkpoint = ConfigDict(
        {
            "keep_latest": 1,  # number of newest checkpoints kept, to resume from
            "keep_best": 1,  # number of best checkpoints kept, by eval.select_metric
        }
    )
    config.log = ConfigDict(
        {
            "tensorboard": True,  # also write TensorBoard events
            "wandb": False,  # also send the numbers to Weights & Biases (pip install wandb)
            "wandb_mode": "online",  # "online", or "offline": keep them below the workdir for a later `wandb sync`
            "wandb_project": "FACT",  # project of the run (aux.wandb_project)
            "wandb_entity": "",  # user or team; "" = the one logged in (aux.wandb_user)
        }
    )
    return config


def stand_in(dataset):
    """What the synthetic videos of a quick run are called in its tables."""
    return dataset if dataset == "synthetic" else f"{dataset} (synthetic stand-in)"


def shrink(config):
    """Turns the settings of a run into those of a quick one on a small synthetic dataset."""
    background = (0,) if config.data.background_ids else ()
    # The synthetic dataset has one split only.
    config.data.update(
        {
            "dataset": stand_in(config.data.dataset),
            "reader": "synthetic",
            "split": "split1",
            "validation_split_file": "",
            "transcript_dir": "",
            "sample_rate": 1,
            "background_ids": background,
            "average_transcript_length": 0.0,
            "max_buckets": 1,
        }
    )
    # The synthetic dataset brings its own verbs and nouns.
    config.data.synthetic.verb_noun |= bool(config.data.verb_mapping_file)
    config.data.verb_mapping_file = config.data.noun_mapping_file = ""
    config.data.synthetic.update(
        {
            "num_train_videos": 4,
            "num_test_videos": 3,
            "num_classes": 7,
            "feature_dim": 12,
            "num_activities": 2,
            "num_confusable_pairs": 1,
            "mean_length": 40,
        }
    )
    for name in ("decay_epoch", "warmup_epochs", "cosine_epochs"):
        config.optimizer[name] = min(config.optimizer[name], 1)
    config.train.update({"batch_size": min(config.train.batch_size, 2), "epochs": 2, "log_every": 1, "eval_every": 2})
    config.eval.batch_size = 2


def entry(base_config, finish, name, data, *changes, recipes=None):
    """The `get_config` of a config file.

    Args:
      base_config: function from name and block to the settings of the system.
      finish: function that applies the arguments after the colon and locks the config.
      data: function that makes the dataset block.
      changes: dicts of settings that differ from the base, nested as the config is; a later one wins.
      recipes: mapping from what may stand after `recipe=` to one more such dict, see `choose_recipe`; None: no recipes.
    """

    def get_config(arg=""):
        """Accepts `split=2` (or a name, `split=fold0`), `seed=1` and `quick` after the colon, separated by commas; with
        `recipes`, also the name of one of them, `recipe=small`."""
        run_name, recipe, rest = choose_recipe(name, recipes, arg) if recipes else (name, {}, arg)
        config = base_config(run_name, data()).lock()  # so that a mistyped setting is an error
        for change in (*changes, recipe):
            config.update(change)
        return finish(config, rest)

    return get_config


def apply_arguments(config, arg, shrink_model, shrink_data=shrink):
    """Applies the arguments after the colon and locks the config.

    `shrink_data`, then `shrink_model`, change the config to its quick form.
    """
    arguments = parse_arguments(arg)
    if "recipe" in arguments:
        raise ValueError(f"{config.name} has no recipes: leave recipe={arguments['recipe']} out.")
    config.data.split = arguments.get("split", config.data.split)
    config.seed = arguments.get("seed", config.seed)
    if "quick" in arguments:
        shrink_data(config)
        shrink_model(config)
    return config.lock()
