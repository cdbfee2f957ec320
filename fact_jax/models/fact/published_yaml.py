"""The published code's YAML files: which keys and values they may have, and where each mistake stands.

FAFormer's files have the keys of FACT's and some more; one of these tells that a file is FAFormer's.
"""

import math
from collections.abc import Mapping

import yaml

from fact_jax import files
from fact_jax.types import UserError, check_choice, nearest

# Accepted and without meaning here: places, devices and bookkeeping of the published program.
WITHOUT_MEANING = (
    "TM.inplace",
    *(f"aux.{key}" for key in "gpu mark runid debug resume wandb_offline exp logdir cfg_file set_cfgs".split()),
)
# The published defaults; a setting without a value is taken from the block before.
DEFAULTS = yaml.safe_load("""
aux: {eval_every: 1000, print_every: 200, wandb_project: FACT, wandb_user: ""}
split: split1
sr: 1
eval_bg: false
bg_class: 0
average_transcript_len: 0.0
feature_path:
groundTruth_path:
map_fname:
split_path:
feature_transpose: false
batch_size: 4
optimizer: SGD
epoch: 2
lr: 0.1
lr_decay: -1
momentum: 0.009
weight_decay: 0.0
clip_grad_norm: 10.0
FACT: {ntoken: 30, block: iuUU, trans: false, fpos: true, cmr: 0.3, mwt: 0.1}
Bi: {hid_dim: 512, dropout: 0.5, a: sca, a_nhead: 8, a_ffdim: 2048, a_layers: 6, a_dim: 512,
     f: cnn, f_layers: 10, f_ln: true, f_dim: 512, f_ngp: 4}
Bu: &update {hid_dim: , dropout: , a: sa, a_nhead: , a_ffdim: , a_layers: 1, a_dim: ,
             f: , f_layers: 5, f_ln: , f_dim: , f_ngp: }
BU: {<<: *update, s_layers: 1}
Loss: {pc: 1.0, a2fc: 1.0, match: o2o, bgw: 1.0, nullw: -1.0, sw: 0.0}
TM: {use: false, t: 30, p: 0.05, m: 5}
""")
_MAX_BYTES = 2**18
_SHOWN = 60
BLOCKS = ("Bi", "Bu", "BU")
_ENCODER = {"num_layers": 4, "r1": 1, "r2": 1, "num_f_maps": 128, "alpha": 1.0, "channel_masking_rate": 0.5}
FAFORMER_DEFAULTS = {
    **DEFAULTS,
    "hid_dim": 512,
    "FACT": DEFAULTS["FACT"] | {"ntoken": 10, "trans": True},
    "Bi": DEFAULTS["Bi"] | {"f": "transformer", "T": _ENCODER},
    "Bu": DEFAULTS["Bu"] | {"T": _ENCODER},
    "BU": DEFAULTS["BU"] | {"T": _ENCODER},
}
# Accepted in FAFormer's files; the published code does not use them either. Groups stand for all of their keys.
FAFORMER_WITHOUT_MEANING = (
    *"class_names BaFormer upgrades Loss.temporal_affinity_weight".split(),
    *(f"FACT.{key}" for key in "token_phase prompt dynamic_token token_thresh".split()),
    *(f"{block}.T.{key}" for block in BLOCKS for key in ("conv_kernel_size", "dropout")),
)
_CHOICES = {"optimizer": ("Adam", "SGD"), "Loss.match": ("o2o", "o2m", "seq")}
_CHOICES |= {f"{block}.f": ("m", "m2") for block in BLOCKS}
_CHOICES |= {f"{block}.a": ("sca", "sa", "gru", "gru_om") for block in BLOCKS}
_FAFORMER_CHOICES = _CHOICES | {f"{block}.f": ("t", "m", "m2") for block in BLOCKS}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def load(path):
    """Reads a published YAML file over the published defaults: (dotted key -> value, the file's own keys in order).

    With "hid_dim" among the settings, the file is FAFormer's.

    Raises:
      UserError: the file cannot be read, is no plain YAML, or has a key or value that the published code does not
        know; names file, line and the nearest valid key.
    """
    entries = _parse(path)
    faformer = _is_faformer(entries)
    defaults = flatten(FAFORMER_DEFAULTS if faformer else DEFAULTS)
    values = defaults | {"dataset": _dataset(path, entries)}
    for key, (value, line) in entries.items():
        if key in defaults:
            values[key] = _convert(f"{path}, line {line}: {key}", key, value, defaults[key])
    for key, options in (_FAFORMER_CHOICES if faformer else _CHOICES).items():
        line = f", line {entries[key][1]}" if key in entries else ""
        if values[key] is not None:
            check_choice(f"{path}{line}: {key}", values[key], options)
    if faformer:
        _check_equal(path, entries, values)
    return values, tuple(entries)


def without_meaning(key):
    """Whether a key that may be in a file changes nothing, in the published code or here."""
    groups = (key, key.partition(".")[0])
    return key in WITHOUT_MEANING or any(name in FAFORMER_WITHOUT_MEANING for name in groups)


def flatten(tree, prefix=""):
    """{"a": {"b": 1}} -> {"a.b": 1}."""
    flat = {}
    for key, value in tree.items():
        flat.update(flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value})
    return flat


def _is_faformer(entries):
    own = flatten(FAFORMER_DEFAULTS).keys() - flatten(DEFAULTS).keys()
    unused = (key for key in entries if key not in WITHOUT_MEANING and without_meaning(key))
    return bool(own & entries.keys()) or any(unused) or "t" in (entries.get(f"{block}.f", ("",))[0] for block in BLOCKS)


def _check_equal(path, entries, values):
    """Raises UserError where two settings of FAFormer differ with which the published code cannot run."""
    for first, second in (("hid_dim", "Bi.hid_dim"), *((f"{block}.T.r1", f"{block}.T.r2") for block in BLOCKS)):
        if values[first] != values[second]:
            lines = sorted(entries[key][1] for key in (first, second) if key in entries)
            where = f", line {lines[-1]}" if lines else ""
            raise UserError(
                f"{path}{where}: {first} is {values[first]} and {second} is {values[second]}; the published code runs "
                "with equal ones only."
            )


def _parse(path):
    """Returns dotted key -> (value, line) of a YAML file, in its order."""
    try:
        text = files.read_data(path, _MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"{path} cannot be read: {reason}. Expected a published YAML config.") from error
    try:
        # SafeLoader knows plain values only: a tag such as !!python/object is an error and never runs anything.
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise UserError(f"{path} has no keys; expected a published YAML config, lines such as 'dataset: gtea'.")
        return _entries(path, loader, node, "")
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not plain YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply; expected a published YAML config.") from error


def _entries(path, loader, node, prefix):
    valid = ["dataset", *flatten(DEFAULTS), *flatten(FAFORMER_DEFAULTS), *WITHOUT_MEANING, *FAFORMER_WITHOUT_MEANING]
    groups = {key.rpartition(".")[0] for key in valid if "." in key} | {"BaFormer", "upgrades"}
    found = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = f"{prefix}{key_node.value}"[:_SHOWN] if isinstance(key_node, yaml.ScalarNode) else "?"
        if isinstance(value_node, yaml.MappingNode) and key in groups:
            new = _entries(path, loader, value_node, f"{key}.")
        elif key in valid or prefix in ("BaFormer.", "upgrades."):
            value = None if without_meaning(key) else _value(path, loader, key, value_node, line)
            new = {key: (value, line)}
        elif key in groups:
            raise UserError(f"{path}, line {line}: {key} is a value; expected a group of settings below it.")
        else:
            guess = nearest(key, [*valid, *groups])
            hint = f" Did you mean {guess}?" if guess else ""
            raise UserError(f"{path}, line {line}: the published code has no key {key}.{hint}")
        for name in new:
            if name in found:
                raise UserError(f"{path}, line {line}: {name} is given twice.")
        found |= new
    return found


def _value(path, loader, key, node, line):
    """The value of a node: a number, a text, a switch, nothing, or a list of these."""
    parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(part, yaml.ScalarNode) for part in parts):
        raise UserError(f"{path}, line {line}: {key} is a nested value; expected a number, text, true or false.")
    try:
        return loader.construct_object(node, deep=True)
    # Texts that look like a date, or say of what type they are, and are not.
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        raise UserError(f"{path}, line {line}: {key} is no value that YAML knows ({error}).") from error


def _dataset(path, entries):
    value, line = entries.get("dataset", (None, None))
    if value is None:
        raise UserError(f"{path} names no dataset; expected a line such as 'dataset: gtea'.")
    if not isinstance(value, str):
        raise UserError(f"{path}, line {line}: dataset is {_shown(value)}, expected text.")
    return value


def _convert(where, key, value, default):
    """Checks the type of a value; None and the text "None" leave a setting open where that is possible."""
    group, _, name = key.rpartition(".")
    open_allowed = default is None or (group in ("Bu", "BU") and name in DEFAULTS["Bi"])
    if default is None:
        default = DEFAULTS["Bi"][name] if group else ""
    if value in (None, "None"):
        if open_allowed:
            return None
        raise UserError(f"{where} is empty, expected {_WORDS[type(default)]}.")
    if key == "bg_class" and isinstance(value, list) and all(type(entry) is int for entry in value):
        return value
    kind = type(default)
    if kind is float and not isinstance(value, bool):
        try:
            number = float(value)  # YAML 1.1 takes 1e-4, without a point, for text
        except (TypeError, ValueError):
            number = math.nan
        if math.isfinite(number):
            return number
    elif type(value) is kind:
        return value
    raise UserError(f"{where} is {_shown(value)}, expected {_WORDS[kind]}.")


def _shown(value):
    """A value for a message, cut to a length fit for it."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
