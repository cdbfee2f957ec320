"""Recipes for the synthetic data set: which actions exist, in which order they come, and how a video varies them.

Class 0 is the background. Some actions come in look-alike pairs whose features nearly coincide, so that only the
recipe tells them apart. Pairs 0, 2, 4, ... are told apart by order (the first member always comes before the second,
with other steps in between); pairs 1, 3, 5, ... by the activity (an activity uses one member and never the other).
"""

import dataclasses
import math

import numpy as np

BACKGROUND = 0
_PAIR_NAMES = (
    ("open_jar", "close_jar"), ("stir_coffee", "stir_tea"), ("take_cup", "put_cup"), ("pour_milk", "pour_water"),
    ("open_fridge", "close_fridge"), ("cut_apple", "cut_pear"), ("take_pan", "put_pan"), ("add_salt", "add_sugar"),
)  # fmt: skip
_STEP_NAMES = tuple(
    (
        "crack_egg spoon_powder squeeze_orange fry_pancake smear_butter take_knife cut_bread add_teabag take_bowl "
        "pour_oil peel_fruit whisk_batter spread_jam toast_bread wash_hands take_plate boil_water grate_cheese "
        "fold_dough wipe_table"
    ).split()
)
# Steps whose verbs and nouns come up in several classes, also among the look-alike pairs.
_VERB_NOUN_STEPS = tuple(
    (
        "take_knife cut_bread pour_tea wash_cup take_bread pour_coffee wash_knife cut_cheese open_drawer take_cheese "
        "put_plate close_drawer wash_plate put_bread spread_butter take_plate put_cheese cut_butter wash_pan "
        "spread_cheese"
    ).split()
)


@dataclasses.dataclass(frozen=True)
class Activity:
    """One recipe: class ids of the actions in their usual order, no class twice, no background.

    Some videos leave the `optional` step out, do the `repeatable` one a second time after the step that follows it, or
    exchange the `swappable` one with that; None = no such step.
    """

    steps: tuple
    optional: int | None
    repeatable: int | None
    swappable: int | None


def make_class_names(num_classes, num_pairs):
    """Names by class id: the background, then the pairs (2p + 1 and 2p + 2 form pair p), then the other steps."""
    names = ["background"]
    for pair in range(num_pairs):
        named = pair < len(_PAIR_NAMES)
        names.extend(_PAIR_NAMES[pair] if named else (f"begin_part_{pair}", f"finish_part_{pair}"))
    for step in range(num_classes - len(names)):
        names.append(_STEP_NAMES[step] if step < len(_STEP_NAMES) else f"do_step_{step}")
    return tuple(names)


def make_verb_noun_names(num_classes, num_pairs):
    """As `make_class_names`, every name a pair "<verb>,<noun>"; verbs and nouns come up in several classes."""
    names = make_class_names(1 + 2 * num_pairs, num_pairs)
    num_steps = num_classes - len(names)
    steps = _VERB_NOUN_STEPS[:num_steps]
    steps += tuple(f"do_step_{number}" for number in range(len(steps), num_steps))
    pairs = [name.partition("_") for name in names[1:] + steps]
    return (f"{names[BACKGROUND]},{names[BACKGROUND]}", *(f"{verb},{noun}" for verb, _, noun in pairs))


def look_alike_pairs(num_pairs):
    """The pairs of class ids with nearly equal features."""
    return tuple((2 * pair + 1, 2 * pair + 2) for pair in range(num_pairs))


def make_activities(rng, num_classes, num_pairs, num_activities):
    """Draws the recipes: a tuple of Activity; every class but the background is a step of at least one.

    Every activity holds a signature step of its own (always present, which makes the activity recognisable), some
    steps shared with others, one or more pairs told apart by order, and one member of every other pair.
    There are at least 1 + 2 * num_pairs + num_activities classes, the background included, and 2 activities.
    """
    pairs = look_alike_pairs(num_pairs)
    ordered, switched = pairs[0::2], pairs[1::2]
    first_plain = 1 + 2 * num_pairs
    signatures = range(first_plain, first_plain + num_activities)
    shared = range(first_plain + num_activities, num_classes)
    num_shared = min(len(shared), max(2, math.ceil(len(shared) / num_activities)))
    activities = []
    for number, signature in enumerate(signatures):
        own_pairs = [pair for p, pair in enumerate(ordered) if p % num_activities == number]
        if not own_pairs and ordered:
            own_pairs = [ordered[number % len(ordered)]]
        members = [pair[(number + p) % 2] for p, pair in enumerate(switched)]
        common = [shared[(number * num_shared + j) % len(shared)] for j in range(num_shared)]
        middle = [int(step) for step in rng.permutation([signature, *members, *common])]
        opening = [pair[0] for pair in own_pairs]
        closing = [pair[1] for pair in reversed(own_pairs)]
        # Every second recipe starts with a step of its own before the pair opens: "first of all" is no safe rule.
        lead = [middle.pop(0)] if number % 2 and len(middle) > 1 else []
        repeatable = [step for step in middle if step in common] or [None]
        optional = [step for step in lead + middle if step in common] or [None]
        swappable = middle[0] if len(middle) > 1 else None
        activities.append(Activity(tuple(lead + opening + middle + closing), optional[-1], repeatable[0], swappable))
    return tuple(activities)


def sample_steps(rng, activity, *, optional_rate, repeat_rate, swap_rate):
    """Draws the actions of one video of an activity: a list of class ids, no class twice in a row."""
    leave_out, repeat, swap = rng.random(3) < (optional_rate, repeat_rate, swap_rate)
    steps = list(activity.steps)
    if swap and activity.swappable is not None:
        i = steps.index(activity.swappable)
        steps[i], steps[i + 1] = steps[i + 1], steps[i]
    if leave_out and activity.optional is not None:
        steps.remove(activity.optional)
    if repeat and activity.repeatable in steps[:-1]:
        i = steps.index(activity.repeatable)
        steps.insert(i + 2, activity.repeatable)
    return steps


def add_background(rng, steps, *, between_rate, ends_rate):
    """Puts background before, after and between the steps: int64 array of class ids, the transcript."""
    draws = rng.random(len(steps) + 1)
    transcript = []
    for place, draw in enumerate(draws):
        at_end = place in (0, len(steps))
        if draw < (ends_rate if at_end else between_rate):
            transcript.append(BACKGROUND)
        transcript.extend(steps[place : place + 1])
    return np.array(transcript, np.int64)
