"""The --config flag, and one clear message for every mistake on the command line.

`main.py` defines its flags, among them `define_config()`, and runs `app.run(main, flags_parser=parse)`. A mistake ends
the program with exit code 2 and a message on stderr that names the nearest valid key or value, without a traceback.
"""

import importlib.util
import re
import sys
import traceback
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict
from ml_collections import config_flags as ml_config_flags
from ml_collections.config_flags import tuple_parser

from fact_jax.app.config_rules import check_choices, leaves
from fact_jax.types import UserError, check_choice, nearest

# The flags belong to main.py, which then lists them under --help.
flags.disclaim_key_flags()

CONFIG_FOLDER = Path(__file__).resolve().parents[2] / "configs"
DEFAULT_CONFIG = CONFIG_FOLDER / "fact_synthetic.py"
# Reads the settings of a run back from its workdir.
STORED_CONFIG = CONFIG_FOLDER / "stored.py"
# Reads the YAML configs of the published code.
PUBLISHED_CONFIG = CONFIG_FOLDER / "published.py"
# Flags that take all words up to the next flag: --input a.npy b.npy.
LISTS = ("input", "workdirs", "videos")

# What the parser of an override accepts, in words.
_EXPECTED = {
    flags.IntegerParser: "a whole number",
    flags.FloatParser: "a number",
    flags.BooleanParser: "true or false",
    tuple_parser.TupleParser: "values in brackets such as '(1, 2)'",
}

# The arguments of the command line in hand. ml_collections looks for overrides in the list it is given when the flag
# is defined, so `parse` fills this one.
_arguments = []
# Those of them that concern the config, as the user wrote them.
_given = []


def define_config(flag_values=flags.FLAGS):
    """Defines --config FILE[:ARGUMENTS] and the overrides --config.a.b=value; returns the flag's holder.

    FILE may also be a YAML config of the published code. Without --config, a --workdir that holds a run gives its own
    settings.
    """
    return ml_config_flags.DEFINE_config_file(
        "config",
        None,
        "Config file, such as configs/fact_gtea.py:split=2,seed=1, or a YAML config of the published code (default: "
        "the settings of the run in --workdir, or configs/fact_synthetic.py for a new one). "
        "--config.train.epochs=10 overrides one of its values.",
        flag_values=flag_values,
        sys_argv=_arguments,
    )


def parse(argv, flag_values=flags.FLAGS):
    """Parses the program name and the arguments; the `flags_parser` of `absl.app.run`.

    Returns [program name]; exits with code 2, after the message on stderr, if there is a mistake.
    """
    try:
        return _parse(argv, flag_values)
    except (UserError, flags.Error) as error:
        print(f"error: {_reword(str(error), flag_values)}", file=sys.stderr)
        raise SystemExit(2) from None


def _parse(argv, flag_values):
    argv = _spread_lists(list(flag_values.read_flags_from_files(argv, force_gnu=False)))
    _given[:] = [argument for argument in argv if re.match(r"--?(no)?config(=|\.|$)", argument)]
    _choose_config(argv)
    _check_names(argv, flag_values)
    keys = list(leaves(config := load(_value_of("config", argv))))
    _check_overrides(argv, keys, config)
    _arguments[:] = argv = _without_earlier(argv)
    rest = flag_values(argv)
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}; settings are given as --name=value.")
    try:
        check_choices(flag_values["config"].value)
    except UserError as error:
        # Nothing on the command line can be meant: it is the record of the run that was changed.
        if not _value_of("config", argv).startswith(f"{STORED_CONFIG}:") or _overrides(argv):
            raise
        record = Path(_value_of("workdir", argv)) / "config.json"
        raise UserError(f"{record} is not as a run wrote it: {error}") from error
    return rest


def given():
    """What the command line says of the config: --config itself, if it is there, and every override."""
    return tuple(_given)


def workdirs(text: str | None) -> tuple[str, ...]:
    """The folders of --workdir: "A,B,C" names three, unless a folder is called so."""
    if text is None:
        return ()
    return (text,) if Path(text).exists() or "," not in text else tuple(filter(None, text.split(",")))


def overridden():
    """Dotted names of the settings that the command line overrides with --config.a.b=value."""
    return _overrides(_given)


def _overrides(argv):
    found = (re.match(r"--?(?:no)?config\.([^=]*)", argument) for argument in argv)
    return tuple(match[1] for match in found if match)


def _check_overrides(argv, keys, config):
    """Raises UserError for an override of no setting; `keys` are the dotted names of the settings of `config`."""
    for key in _overrides(argv):
        if key not in keys:
            raise UserError(_wrong_key(key, keys, config))


def _without_earlier(argv):
    """`argv` with the last override of every setting alone: ml_collections would join the values of two tuples."""
    kept, seen = [], set()
    for place in reversed(range(len(argv))):
        keys = _overrides(argv[place : place + 1])
        if keys and keys[0] in seen:
            # Its value may be the word behind it.
            if "=" not in argv[place] and kept and not kept[-1].startswith("-"):
                kept.pop()
            continue
        seen.update(keys)
        kept.append(argv[place])
    return kept[::-1]


def _spread_lists(argv):
    """Turns "--input a b" into "--input=a --input=b" for the flags in LISTS."""
    result, current = argv[:1], None
    for argument in argv[1:]:
        if argument.startswith("-"):
            name, equals, _ = argument.lstrip("-").partition("=")
            current = name if name in LISTS else None
            if current is None or equals:
                result.append(argument)
        else:
            result.append(argument if current is None else f"--{current}={argument}")
    return result


def _choose_config(argv):
    """Names the config file that the command line leaves open, and the reader of a published one (in place)."""
    reference = _value_of("reference_config", argv)
    places = [place for place, argument in enumerate(argv) if re.match(r"--?config(=|$)", argument)]
    if reference and places:
        raise UserError("--reference_config and --config both name a config; give one of them.")
    if reference:
        argv.insert(1, f"--config={PUBLISHED_CONFIG}:{reference}")
    elif not places:
        workdir = next(iter(workdirs(_value_of("workdir", argv))), "")
        stored = workdir and (Path(workdir) / "config.json").is_file()
        argv.insert(1, f"--config={STORED_CONFIG}:{workdir}" if stored else f"--config={DEFAULT_CONFIG}")
    elif (name := _value_of("config", argv)).lower().endswith((".yaml", ".yml")):
        place = places[-1]
        argv[place : place + (1 if "=" in argv[place] else 2)] = [f"--config={PUBLISHED_CONFIG}:{name}"]


def _reword(message, flag_values):
    """Says in plain words what absl says about values of the wrong type and missing flags."""
    missing = re.fullmatch(r"flag --(\w+)=None: .* must have a value other than None\.", message)
    if missing:
        return f"--{missing[1]} is missing."
    wrong = re.match(r"flag --(config\.[\w.]+)=(.*?): ", message, re.DOTALL)
    if not wrong:
        return message
    type_of_flag = type(flag_values[wrong[1]].parser)
    return f"{wrong[1]} is {wrong[2]!r}, expected {_EXPECTED.get(type_of_flag, 'another type')}."


def _value_of(name, argv):
    """Value of the last --name=value or --name value in `argv`."""
    pairs = zip(argv, [*argv[1:], ""], strict=True)
    found = [pair for pair in pairs if re.match(rf"--?{name}(=|$)", pair[0])]
    argument, following = found[-1] if found else ("=", "")
    return argument.partition("=")[2] if "=" in argument else following


def _check_names(argv, flag_values):
    """Raises UserError for a flag that does not exist or an enumerated one with a value that is none of its own."""
    for argument in argv[1:]:
        if argument == "--":
            break
        match = re.match(r"--?([A-Za-z][\w-]*)(?=[=.]|$)", argument)
        if not match or re.match(r"--?(no)?config\.", argument):
            continue
        name = match[1]
        known = name in flag_values or (name.startswith("no") and name[2:] in flag_values)
        if not known and name not in ("flagfile", "undefok"):
            own = [option.name for option in flag_values.get_key_flags_for_module(sys.argv[0])]
            guess = nearest(name, [*own, "config"]) or nearest(name, flag_values)
            hint = f" Did you mean --{guess}?" if guess else " --help lists the flags."
            raise UserError(f"unknown flag --{name}.{hint}")
        if known and name in flag_values and isinstance(flag_values[name].parser, flags.EnumParser):
            check_choice(f"--{name}", _value_of(name, argv), flag_values[name].parser.enum_values)


def load(argument: str) -> ConfigDict:
    """Runs `get_config` of the file in FILE[:ARGUMENTS]; a UserError says what is wrong with it."""
    name, _, arguments = argument.partition(":")
    path = Path(name)
    if not path.is_file():
        files = sorted(file.name for file in CONFIG_FOLDER.glob("[!_]*_*.py"))
        shipped = [f"configs/{file}" for file in files if not file.endswith("_base.py")]
        guess = nearest(name, shipped)
        hint = f" Did you mean {guess}?" if guess else ""
        raise UserError(f"config file {name!r} does not exist.{hint} Shipped configs: {', '.join(shipped)}.")
    spec = importlib.util.spec_from_file_location("config_to_check", path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"config file {name!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        config = module.get_config(arguments) if arguments else module.get_config()
    except UserError as error:
        if Path(name).resolve().parent == CONFIG_FOLDER:
            raise  # our own readers of other files name those
        raise UserError(f"{name}: {error}") from error
    except ValueError as error:
        raise UserError(f"{_place(error, name)}: {error}") from error
    except Exception as error:
        moved = _moved_module(error) if isinstance(error, ImportError) else ""
        raise UserError(f"{_place(error, name)}: {moved or f'{type(error).__name__}: {error}'}") from error
    if not isinstance(config, ConfigDict):
        raise UserError(f"{name}: get_config() returned {type(config).__name__}, expected a ConfigDict.")
    return config


def _place(error, name):
    """The config file and its last line that an error has come through."""
    path = Path(name).resolve()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    is_syntax = isinstance(error, SyntaxError) and error.filename == str(path)
    line = error.lineno if is_syntax else lines[-1] if lines else None
    return f"{name}, line {line}" if line else name


def _moved_module(error):
    """What to do about the import of a module that is in configs/_base now; "" of any other."""
    found = re.match(r"No module named 'configs\.(\w+)'|cannot import name '(\w+)' from 'configs'", str(error))
    module = found and (found[1] or found[2])
    if not module or not (CONFIG_FOLDER / "_base" / f"{module}.py").is_file():
        return ""
    return f"configs.{module} is configs._base.{module} now; write: from configs._base import {module}"


def _wrong_key(key, keys, config):
    """What is wrong with `key`, which is not among the dotted names of the settings."""
    below = [name for name in keys if name.startswith(f"{key}.")]
    if below:
        return f"config.{key} is a group of settings; set one of them: {', '.join(below)}."
    group, _, name = key.rpartition(".")
    last = {other.rpartition(".")[2]: other for other in reversed(keys)}
    guess = nearest(key, keys) or last.get(nearest(name, last), "")
    siblings = [other for other in keys if group and other.startswith(f"{group}.")]
    hint = f" Did you mean --config.{guess}?" if guess else f" It has: {', '.join(siblings or config)}."
    return f"the config has no key {key!r}.{hint}"
