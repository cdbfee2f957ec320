"""Settings for a folder of label files, for every system that labels frames: where to start from, tokens, widths."""

import numpy as np

from data_pipelines.core.wording import count
from data_pipelines.segmentation.verb_nouns import KINDS, read_names
from data_pipelines.tools import dataset_folder
from data_pipelines.tools.config_text import Proposal
from fact_jax.ops.segments import frames_to_segments
from fact_jax.types import UserError

# Config modules whose model and training settings can be the start, by system, without the name of the system. "custom"
# has those of GTEA, or one set for all datasets.
BASES = {
    "fact": ("custom", "gtea", "breakfast", "egoprocel", "50salads", "epic"),
    "faformer": ("custom", "gtea", "breakfast"),
    "asformer": ("custom", "gtea", "breakfast", "50salads"),
    "mstcn": ("custom", "gtea", "breakfast", "50salads"),
    "mstcnpp": ("custom", "gtea", "breakfast", "50salads"),
}
# By system, what may stand after `recipe=` in its custom config, the usual one first, with the width of its blocks.
_WIDTHS = {"published": 512, "small": 64}
RECIPES = {"fact": _WIDTHS, "faformer": _WIDTHS}
# The recipe "small" was chosen and scored with 7 to 43 training videos, see fact_jax/models/fact/README.md.
FEW_VIDEOS = 100
# Its epochs, for the fewest videos; more videos bring as many updates in fewer epochs.
SMALL_EPOCHS, SMALL_UPDATES = 200, 3000
# Systems that label segments by tokens, and whose configs share one base.
TOKEN_SYSTEMS = ("fact", "faformer")
# Bases that set loss.null_weight to a number; in the others it follows from the number of tokens.
_FIXED_NULL_WEIGHT = ("epic",)
# As many training videos as Breakfast's smallest split has, by order of magnitude; GTEA has 21.
MANY_VIDEOS = 500
# No published config has more tokens.
MAX_TOKENS = 300
# The longest videos FACT was published on have about this many frames after sampling.
_MANY_FRAMES = 8000
_HIDDEN_DIM, _HIDDEN_STEP = 512, 64  # the former of every config without recipes


def propose(folder, system, arguments):
    """Proposal for a sound DatasetFolder and one of the systems of BASES; `arguments` hold the user's own choices."""
    base, reason = _choose_base(folder, system, arguments.base)
    recipe, more = _choose_recipe(folder, system, base, arguments)
    data = {name: getattr(folder.data, name) for name in dataset_folder.SETTINGS} | {
        "sample_rate": arguments.sample_rate,
        "evaluate_background": arguments.evaluate_background,
        "fps": arguments.fps,
    }
    settings, reasons = {}, [*_description(folder), *folder.findings]
    if system != "fact" and folder.data.verb_mapping_file:
        data |= {"verb_mapping_file": "", "noun_mapping_file": ""}
        reasons.append(f"pairs of a verb and a noun are classes like others for {system}")
    if system in TOKEN_SYSTEMS:
        average, settings, for_tokens = _choose_for_tokens(folder, data, base, recipe, arguments)
        data["average_transcript_length"] = average
        reasons += for_tokens
    if recipe == "small":
        shortened, for_epochs = _choose_epochs(len(folder.index.splits["train"]), arguments.batch_size or 1)
        settings |= shortened
        reasons += for_epochs
    reasons += [reason, *more, _rate_hint(folder, arguments.sample_rate)]
    if arguments.batch_size:
        settings["train.batch_size"] = arguments.batch_size
    finish = "fact_base" if system in TOKEN_SYSTEMS else f"{system}_base"
    described = folder.data.dataset, data, settings, reasons
    chosen = recipe if recipe and recipe != next(iter(RECIPES[system])) else ""
    return Proposal(system, f"{system}_{base}", finish, "datasets", *described, recipe=chosen)


def _choose_for_tokens(folder, data, base, recipe, arguments):
    """(average transcript length, settings, reasons) of a system with action tokens."""
    transcripts = [frames_to_segments(video)[0] for video in folder.index.labels.values()]
    counts = {"o2o": [len(t) for t in transcripts], "o2m": [len(np.unique(t)) for t in transcripts]}
    match, reasons = _choose_match(counts, arguments)
    average = round(float(np.mean(counts[match])), 2)
    tokens, reason = _choose_tokens(counts[match], match, arguments, 0 if base in _FIXED_NULL_WEIGHT else average)
    reasons += [reason, f"average_transcript_length={average:g}: mean over {count(transcripts, 'video')}"]
    settings = {"model.num_tokens": tokens, "loss.match": match}
    hidden_dim, more = _choose_width(folder, data["verb_mapping_file"], recipe)
    if hidden_dim:
        settings["model.input_block.hidden_dim"] = hidden_dim
    return average, settings, reasons + more


def _choose_match(counts, arguments):
    most, needed = max(counts["o2o"]), int(max(counts["o2o"]) * arguments.token_ratio)
    if arguments.match:
        return arguments.match, [f'match="{arguments.match}", as given']
    if needed <= MAX_TOKENS:
        return "o2o", [f'match="o2o": a token per segment, of which a video has {most} at most']
    return "o2m", [
        f'match="o2m": a token per segment ("o2o") would take {needed} tokens, as a video has up to {most} '
        f"segments; no published config has more than {MAX_TOKENS}"
    ]


def _choose_tokens(counts, match, arguments, average):
    """(M, reason); M is more than `average`, from which the weight of unmatched tokens follows."""
    what = "segments" if match == "o2o" else "different classes"
    most = max(counts)
    if arguments.num_tokens:
        if arguments.num_tokens < most:
            raise UserError(
                f"--num_tokens is {arguments.num_tokens}, but a video has {most} {what}, which with match "
                f'"{match}" takes as many tokens.'
            )
        if arguments.num_tokens <= average:
            raise UserError(
                f"--num_tokens is {arguments.num_tokens}, expected more: videos have {average:g} {what} on "
                "average, and the loss weight of unmatched tokens follows from how many stay unmatched."
            )
        return arguments.num_tokens, f"num_tokens={arguments.num_tokens}, as given"
    tokens = int(most * arguments.token_ratio)
    if tokens > most:
        return tokens, f"num_tokens={tokens}: {arguments.token_ratio:g} times the most {what} of any video, {most}"
    return most + 1, f"num_tokens={most + 1}: one more than the most {what} of any video, so that one stays unmatched"


def _choose_base(folder, system, given):
    """(base, reason)."""
    num_videos = len(folder.index.splits["train"])
    if given is not None and given not in BASES[system]:
        raise UserError(f"--base is {given}; {system} has {', '.join(BASES[system])}.")
    if system == "fact" and folder.data.verb_mapping_file:
        if given not in (None, "epic"):
            raise UserError(f"--base is {given}, but the classes are pairs of a verb and a noun, which take epic.")
        return "epic", "model and training settings of configs/fact_epic.py, for verbs and nouns"
    if given == "epic":
        raise UserError("--base is epic, but there are no verb_mapping.txt and noun_mapping.txt with the classes.")
    if given:
        return given, f"model and training settings of configs/{system}_{given}.py, as given"
    base, kind = ("breakfast", "large") if num_videos >= MANY_VIDEOS else ("custom", "small")
    return base, f"model and training settings of configs/{system}_{base}.py, for a {kind} dataset"


def _choose_recipe(folder, system, base, arguments):
    """(recipe, reasons) of a custom config that has some, else (None, [])."""
    recipes, given = tuple(RECIPES.get(system, ())), arguments.recipe
    if base != "custom" or not recipes:
        if given:
            raise UserError(f"--recipe is {given}, but configs/{system}_{base}.py has no recipes: take --base custom.")
        return None, []
    if given:
        return given, [f"recipe={given}, as given"]
    number = len(folder.index.splits["train"])
    videos = count(number, "training video")
    if number > FEW_VIDEOS:
        return recipes[0], [f"recipe={recipes[0]}, with {videos}; --recipe small is for up to {FEW_VIDEOS}"]
    return "small", [
        f"recipe=small, with {videos}: a narrower network that learns faster and over-fits less than that of the "
        f"published settings, --recipe {recipes[0]}, which are for more than {FEW_VIDEOS}"
    ]


def _choose_epochs(num_videos, batch_size):
    """(settings, reasons) of the length of a training with the recipe "small"."""
    epochs = -(-SMALL_UPDATES // -(-num_videos // batch_size))
    if epochs >= SMALL_EPOCHS:
        return {}, []
    warmup = max(1, round(epochs / 20))
    settings = {"train.epochs": epochs, "optimizer.warmup_epochs": warmup, "optimizer.cosine_epochs": epochs - warmup}
    return settings, [f"epochs={epochs}: {SMALL_UPDATES} updates, after which the learning rate has fallen to nothing"]


def _choose_width(folder, verb_mapping_file, recipe):
    """(hidden_dim, reasons); None where the base's is enough."""
    if verb_mapping_file:
        lists = zip(folder.layout.verb_noun_files, KINDS, strict=True)
        needed, what = 2 + sum(len(read_names(*entry)[0]) for entry in lists), "verbs, nouns and two null classes"
    else:
        needed, what = 1 + len(folder.index.class_names), "classes and the null class"
    if needed <= (_WIDTHS[recipe] if recipe else _HIDDEN_DIM):
        return None, []
    hidden_dim = -(-needed // _HIDDEN_STEP) * _HIDDEN_STEP
    return hidden_dim, [f"hidden_dim={hidden_dim}: it must hold the {needed} {what}"]


def _rate_hint(folder, sample_rate):
    """What to think of the sample rate, in words."""
    labels = list(folder.index.labels.values())
    durations = np.concatenate([ends - starts for _, starts, ends in map(frames_to_segments, labels)])
    longest, short = max(map(len, labels)), int(np.percentile(durations, 5))
    text = f"sample_rate={sample_rate}: videos have up to {longest} frames; of the segments, 95 % last {short} or more"
    suggested = -(-longest // _MANY_FRAMES)
    if sample_rate == 1 and suggested > 1:
        text += f". If memory or time run short, try --sample_rate {suggested}"
        text += f"; a rate above {short // 2} loses segments" if suggested > short // 2 else ""
    elif sample_rate > max(short // 2, 1):
        text += ". Short segments get lost at this rate"
    return text


def _description(folder):
    index = folder.index
    numbers = ", ".join(count(videos, f"{subset} video") for subset, videos in index.splits.items())
    frames = sum(map(len, index.labels.values()))
    return [
        f"{folder.layout.root}: {numbers}, {count(index.class_names, 'class')}, {count(index.feature_dim, 'channel')}, "
        f"{count(frames, 'labelled frame')}"
    ]
