"""What the benchmark has to know about each kind of work that it measures, beside the entry in `fact_jax.app.kinds`."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from fact_jax.app.kinds import localization, recognition, representation, segmentation
from fact_jax.types import check_choice

# Classes of the datasets that the configs are for; EgoProceL's are those of its mapping.txt.
NUM_CLASSES = {"breakfast": 48, "gtea": 11, "50salads": 19, "egoprocel": 130}
# Frames of a typical video.
NUM_FRAMES = {"breakfast": 2000, "gtea": 1100}
OTHER_CLASSES, OTHER_FRAMES, FEATURE_DIM, TRANSCRIPT, ACTIONS = 20, 2000, 2048, 10, 15
# Features of ten videos as long as those of a dataset: means of ten equal parts of them by length, in an order in which
# neighbours are as unlike as two videos drawn at random.
LENGTHS = {"thumos14": (671, 219, 1725, 1483, 5386, 1284, 873, 1053, 2465, 441)}
# Channels of the features of localization that are no I3D features.
FEATURE_DIMS = {"anet_tsp": 512, "epic_verb": 2304, "epic_noun": 2304, "ego4d_s": 2304, "ego4d_o": 1536, "ego4d_e": 256,
                "ego4d_oe": 1792, "ego4d_se": 2560, "ego4d_soe": 4096}  # fmt: skip
# Of raw video.
CLIP_FRAMES, RGB = 600, 3
# Parts of `python -m fact_jax.benchmark` that cost features of any length; and those that there are of raw video.
FEATURE_PARTS = ("step", "memory", "compile", "data", "lengths", "batches")
ACTION_PARTS = (*FEATURE_PARTS, "dataset")
CLIP_PARTS = ("step", "memory", "compile", "data", "reading")
EMBEDDED_PARTS = (*CLIP_PARTS, "extraction")
LABELLED_PARTS = ("step", "memory", "compile", "data", "augmentation", "reading")
# Of recognition: classes of the dataset, or of each head.
CLIP_CLASSES = {"ssv2": 174, "kinetics": 400, "epic": 300}
PAIR = 2  # clips of a batch: the fewest that mixup mixes


class Usual(NamedTuple):
    """What the videos of a dataset are like."""

    frames: int
    num_classes: int
    fewest_classes: int
    feature_dim: int
    num_segments: int
    batch: int | None = None  # videos of a batch; None: those of the config


@dataclasses.dataclass(frozen=True)
class BenchmarkKind:
    """One kind of work; what a subject runs on is "module:class", which it alone imports: its memory is measured."""

    systems: tuple[str, ...]  # that are measured, all of which are rendered in PyTorch
    usual: Callable[..., Usual]  # from a config
    ours: str
    torch: str
    fused: str = ""  # the same with PyTorch's fused attention, where it is measured as well
    parts: tuple[str, ...] = FEATURE_PARTS
    phases: tuple[str, ...] = ("train", "evaluate")  # what is timed; see `report.PHASES`

    @property
    def renderings(self) -> dict[str, str]:
        """Names of the subjects in PyTorch -> what they run on."""
        return {name: path for name, path in (("torch", self.torch), ("fused", self.fused)) if path}


def _usual_labels(config):
    data, synthetic = config.data, config.data.reader == "synthetic"
    segments = round(data.average_transcript_length) or TRANSCRIPT
    if config.model.get("num_tokens"):
        segments = min(segments, config.model.num_tokens)
    return Usual(
        frames=data.synthetic.mean_length if synthetic else NUM_FRAMES.get(data.dataset, OTHER_FRAMES),
        num_classes=data.synthetic.num_classes if synthetic else NUM_CLASSES.get(data.dataset, OTHER_CLASSES),
        fewest_classes=1 + max(1, *data.background_ids) if data.background_ids else 2,
        feature_dim=data.synthetic.feature_dim if synthetic else FEATURE_DIM,
        num_segments=max(segments, 1),
    )


def _usual_actions(config):
    data, synthetic = config.data, config.data.reader == "synthetic"
    feature_dim = sum(config.model.stream_dims) or FEATURE_DIMS.get(data.dataset, FEATURE_DIM)
    return Usual(
        frames=data.max_frames,
        num_classes=data.num_classes or (data.synthetic.num_classes if synthetic else OTHER_CLASSES),
        fewest_classes=1,
        feature_dim=data.synthetic.feature_dim if synthetic else feature_dim,
        num_segments=ACTIONS,
    )


def _usual_clips(config):
    phases = max(1, config.data.num_classes)
    return Usual(frames=CLIP_FRAMES, num_classes=phases, fewest_classes=1, feature_dim=RGB, num_segments=1)


def _usual_labelled_clips(config):
    dataset = config.data.dataset.partition(" ")[0]  # which synthetic clips stand in for
    return Usual(
        frames=config.data.sampling.num_frames,
        num_classes=CLIP_CLASSES.get(dataset, OTHER_CLASSES),
        fewest_classes=1,
        feature_dim=RGB,
        num_segments=1,
        batch=PAIR,
    )


KINDS = (
    BenchmarkKind(
        segmentation.KIND.systems,
        _usual_labels,
        "fact_jax.benchmark.ours_segmentation:SegmentationMaterial",
        "fact_jax.benchmark.torch_reference.segmentation:SingleVideos",
    ),
    BenchmarkKind(
        localization.KIND.systems,
        _usual_actions,
        "fact_jax.benchmark.ours_localization:LocalizationMaterial",
        "fact_jax.benchmark.torch_reference.localization:PaddedVideos",
        parts=ACTION_PARTS,
    ),
    BenchmarkKind(
        representation.KIND.systems,
        _usual_clips,
        "fact_jax.benchmark.ours_representation:RepresentationMaterial",
        "fact_jax.benchmark.torch_reference.representation:WholeClips",
        parts=EMBEDDED_PARTS,
        phases=("train", "evaluate", "trunk"),
    ),
    BenchmarkKind(
        recognition.KIND.systems,
        _usual_labelled_clips,
        "fact_jax.benchmark.ours_recognition:RecognitionMaterial",
        "fact_jax.benchmark.torch_reference.recognition:LabelledClips",
        "fact_jax.benchmark.torch_reference.recognition:FusedLabelledClips",
        LABELLED_PARTS,
    ),
)
MEASURED = tuple(system for kind in KINDS for system in kind.systems)


def kind_of(system: str) -> BenchmarkKind:
    """The kind of work of a system; UserError for one that is not `MEASURED`."""
    check_choice("config.model.name", system, MEASURED)
    return next(kind for kind in KINDS if system in kind.systems)
