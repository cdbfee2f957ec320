"""A synthetic data set for action segmentation: no download, made on the fly, hard for a classifier of single frames.

Videos follow recipes (see recipes.py). The features of a frame are the prototype of its class, faded into the next
one around a boundary, plus noise that is strong in a single frame but averages out over a segment, plus an offset of
the whole video. Look-alike pairs of classes have nearly equal prototypes: only the recipe tells them apart.
Example i of a split is a pure function of (specification, seed, split, i).
"""

import dataclasses
import itertools

import numpy as np

from data_pipelines.segmentation import recipes
from data_pipelines.segmentation.verb_nouns import pair_up
from fact_jax.types import UserError, VerbNouns, Video, check_choice

SPLITS = ("train", "test")
# First entry of the entropy of every random generator, so that no two streams coincide.
_WORLD_STREAM, _LAYOUT_STREAM, _FEATURE_STREAM = 1, 2, 3
_DURATION_SPREAD = 0.35  # standard deviation of a segment's log duration
_CALIBRATION_VIDEOS = 256  # drawn once to scale the durations to `mean_length`


@dataclasses.dataclass(frozen=True)
class World:
    """What all videos of a synthetic data set share.

    Attributes:
      activities: the recipes.
      prototypes: float64 [C, D], unit vectors.
      durations: float64 [C], mean frames of a segment of every class.
      verb_nouns: what the classes are made of; None unless they are pairs of a verb and a noun.
    """

    class_names: tuple
    activities: tuple
    prototypes: np.ndarray
    durations: np.ndarray
    verb_nouns: VerbNouns | None = None


def make_world(spec, seed):
    """Draws names, recipes, prototypes and durations: a pure function of (spec, seed)."""
    rng = np.random.default_rng([_WORLD_STREAM, seed])
    activities = recipes.make_activities(rng, spec.num_classes, spec.num_confusable_pairs, spec.num_activities)
    if spec.verb_noun:
        class_names = recipes.make_verb_noun_names(spec.num_classes, spec.num_confusable_pairs)
        verb_nouns = pair_up(class_names)
        prototypes = _verb_noun_prototypes(rng, spec, verb_nouns)
    else:
        class_names = recipes.make_class_names(spec.num_classes, spec.num_confusable_pairs)
        verb_nouns = None
        prototypes = _prototypes(rng, spec)
    relative = np.exp(0.25 * rng.standard_normal(spec.num_classes))
    relative[recipes.BACKGROUND] = 0.7  # it is the most frequent class already
    totals = [relative[_draw_transcript(rng, spec, activities)].sum() for _ in range(_CALIBRATION_VIDEOS)]
    durations = relative * (spec.mean_length / np.mean(totals))
    return World(class_names, activities, prototypes, durations, verb_nouns)


class SyntheticSource:
    """A split of the synthetic data set; a fact_jax.types.VideoSource, with the World that all videos share."""

    def __init__(self, spec, split, seed=0):
        """Args: `spec` a SyntheticSegmentationConfig, `split` one of SPLITS, `seed` >= 0, shared by the splits."""
        check_choice("The split of the synthetic data set", split, SPLITS)
        if seed < 0:
            raise UserError(f"The seed of the synthetic data set is {seed}, expected 0 or more.")
        self._spec = spec
        self._stream = (int(seed), SPLITS.index(split))
        self.world = make_world(spec, seed)
        num_videos = spec.num_train_videos if split == "train" else spec.num_test_videos
        self.video_ids = tuple(f"{split}_{index:04d}" for index in range(num_videos))
        self.class_names = self.world.class_names
        self.verb_nouns = self.world.verb_nouns
        self.feature_dim = spec.feature_dim
        self._labels = [self._draw_labels(index) for index in range(num_videos)]
        self.lengths = np.array([labels.size for labels in self._labels], np.int64)

    def __len__(self):
        return len(self.video_ids)

    def labels(self, index):
        """int32 [T], the labels of a video, without making its features; read-only."""
        return self._labels[index]

    def full_labels(self, index):
        """The same as `labels`: the synthetic data set has no higher rate."""
        return self._labels[index]

    def __getitem__(self, index):
        index = range(len(self))[index]
        labels = self.labels(index)
        rng = np.random.default_rng([_FEATURE_STREAM, *self._stream, index])
        features = _draw_features(rng, self._spec, self.world.prototypes, labels)
        return Video(self.video_ids[index], features, labels, labels)

    def _draw_labels(self, index):
        rng = np.random.default_rng([_LAYOUT_STREAM, *self._stream, index])
        transcript = _draw_transcript(rng, self._spec, self.world.activities)
        durations = _draw_durations(rng, self._spec, self.world.durations[transcript])
        labels = np.repeat(transcript, durations).astype(np.int32)
        labels.setflags(write=False)
        return labels


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _draw_directions(rng, count, dim):
    """Unit vectors float64 [count, dim], perpendicular to each other if there is room for as many."""
    vectors = _unit(rng.standard_normal((count, dim)))
    if count <= dim:
        # Equal distances between all of them, so that the difficulty does not depend on the seed.
        vectors = np.linalg.qr(vectors.T)[0].T
    return vectors


def _prototypes(rng, spec):
    prototypes = _draw_directions(rng, spec.num_classes, spec.feature_dim)
    for first, second in recipes.look_alike_pairs(spec.num_confusable_pairs):
        # The two lie half a distance to either side of the first; `apart` is perpendicular to it.
        centre = prototypes[first].copy()
        apart = _unit(prototypes[second] - (prototypes[second] @ centre) * centre)
        _place_pair(prototypes, first, second, centre, apart, spec.confusable_distance)
    return prototypes


def _verb_noun_prototypes(rng, spec, verb_nouns):
    num_verbs = len(verb_nouns.verbs)
    parts = _draw_directions(rng, num_verbs + len(verb_nouns.nouns), spec.feature_dim)
    verbs, nouns = parts[:num_verbs], parts[num_verbs:]
    prototypes = _unit(verbs[list(verb_nouns.verb_of_action)] + nouns[list(verb_nouns.noun_of_action)])
    for first, second in recipes.look_alike_pairs(spec.num_confusable_pairs):
        # The two lie around their middle, so that the part that differs is half visible in both.
        centre = _unit(prototypes[first] + prototypes[second])
        apart = _unit(prototypes[second] - prototypes[first])
        _place_pair(prototypes, first, second, centre, apart, spec.confusable_distance)
    return prototypes


def _place_pair(prototypes, first, second, centre, apart, distance):
    """Sets two prototypes to unit vectors this far from each other, around `centre`, along `apart`."""
    half = distance / 2
    prototypes[first] = np.sqrt(1 - half**2) * centre - half * apart
    prototypes[second] = np.sqrt(1 - half**2) * centre + half * apart


def _draw_transcript(rng, spec, activities):
    activity = activities[rng.integers(len(activities))]
    steps = recipes.sample_steps(
        rng, activity, optional_rate=spec.optional_rate, repeat_rate=spec.repeat_rate, swap_rate=spec.swap_rate
    )
    return recipes.add_background(rng, steps, between_rate=spec.background_rate, ends_rate=0.9)


def _draw_durations(rng, spec, means):
    """Log-normal durations with these means, int64; no segment is shorter than a transition plus one frame."""
    durations = means * np.exp(_DURATION_SPREAD * rng.standard_normal(means.size) - _DURATION_SPREAD**2 / 2)
    total = durations.sum()
    durations *= np.clip(total, 0.5 * spec.mean_length, 2.0 * spec.mean_length) / total
    return np.maximum(np.rint(durations).astype(np.int64), spec.transition_frames + 1)


def _draw_features(rng, spec, prototypes, labels):
    """float32 [T, D] features of a video with these labels [T]."""
    shares = np.eye(len(prototypes))[labels]
    # A moving average of the one-hot labels is a linear cross-fade; the edges repeat the first and last frame.
    width = spec.transition_frames
    padded = np.pad(shares, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    summed = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0)
    shares = (summed[width:] - summed[:-width]) / width
    correlation = spec.noise_correlation
    noise = rng.standard_normal((labels.size, spec.feature_dim))
    # The first frame is drawn from the stationary distribution, so all frames have the same variance.
    noise[1:] *= np.sqrt(1 - correlation**2)
    # No filter of SciPy: importing those takes longer than all else that a run imports of its data.
    noise = np.stack([*itertools.accumulate(noise, lambda before, new: new + correlation * before)])
    offset = spec.video_offset / np.sqrt(spec.feature_dim) * rng.standard_normal(spec.feature_dim)
    return (shares @ prototypes + spec.noise * noise + offset).astype(np.float32)
