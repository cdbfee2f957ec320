"""Settings of ActionFormer, and the lengths that it is defined for."""

import dataclasses
import math
from typing import Any

from fact_jax.types import UserError, check_choice

BACKBONES = ("transformer", "conv")
NECKS = ("identity", "fpn")
DTYPES = ("float32", "bfloat16")
# Videos of up to max_frames are computed at that many lengths, a program each, or fewer: a step between two of them
# that is shorter than LEAST_STEP frames saves less than a program costs.
LENGTHS, LEAST_STEP = 8, 256


@dataclasses.dataclass(frozen=True)
class ActionFormerConfig:
    """Everything that shapes the network. Published keys stand in brackets.

    Level 0 of the pyramid is the feature grid, level l has one frame in scale_factor**l.

    Attributes:
      num_classes: C, without a background; every frame may have several classes.
      max_frames: padded frames of every training video and the least of an evaluated one, whose numbers are computed
        with fewer where they are the same, see `computed_length` (max_seq_len).
      backbone: "transformer", or "conv" without attention (backbone_type).
      embedding_layers, stem_layers, branch_layers: convolutions before the blocks, blocks at level 0, and blocks that
        go one level up each (backbone_arch).
      scale_factor: frames of a level for one of the next (scale_factor).
      stream_dims, stream_widths: input channels of several feature streams that lie behind one another in the
        features, and the channels that each is mapped to; () = one stream, used as it is (input_dim, embd_dim).
      dim: D, channels of the blocks (embd_dim; of several streams the sum).
      num_heads: attention heads (n_head).
      window_sizes: per level of the backbone, keys around a query that it attends to; at most 1 = all
        (n_mha_win_size).
      embedding_kernel, embedding_norm: taps of the embedding convolutions, LayerNorm after them (embd_kernel_size,
        embd_with_ln).
      absolute_positions: sinusoids added behind the embedding (use_abs_pe).
      relative_positions: a learned number per head and distance added to the logits of local attention (use_rel_pe).
      neck: "identity", or "fpn" that adds coarser levels to finer ones (fpn_type).
      neck_dim, neck_norm: channels and LayerNorm of it (fpn_dim, fpn_with_ln).
      first_level: finest level of the backbone that the neck takes (fpn_start_level).
      head_dim, head_layers, head_kernel, head_norm: of both heads; head_layers counts the output (head_dim,
        head_num_layers, head_kernel_size, head_with_ln).
      regression_ranges: (from, to) per level, distances in grid units that its frames regress (regression_range).
      class_prior: probability of every class at the start (cls_prior_prob).
      dropout_rate: after attention and in the feed-forward layers (dropout).
      drop_path_rate: probability to leave out a branch of a block for a video; 0 also takes the learned scales of the
        branches away (droppath).
      remat: compute the insides of the blocks again for the gradient instead of keeping them.
      dtype: "float32" or "bfloat16", of the products.
    """

    num_classes: int
    max_frames: int
    backbone: str = "transformer"
    embedding_layers: int = 2
    stem_layers: int = 2
    branch_layers: int = 5
    scale_factor: int = 2
    stream_dims: tuple[int, ...] = ()
    stream_widths: tuple[int, ...] = ()
    dim: int = 512
    num_heads: int = 4
    window_sizes: tuple[int, ...] = (-1,) * 6
    embedding_kernel: int = 3
    embedding_norm: bool = True
    absolute_positions: bool = False
    relative_positions: bool = False
    neck: str = "identity"
    neck_dim: int = 512
    neck_norm: bool = True
    first_level: int = 0
    head_dim: int = 512
    head_layers: int = 3
    head_kernel: int = 3
    head_norm: bool = True
    regression_ranges: tuple[tuple[float, float], ...] = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 10000))
    class_prior: float = 0.01
    dropout_rate: float = 0.0
    drop_path_rate: float = 0.1
    remat: bool = False
    dtype: str = "float32"

    def __post_init__(self):
        check_choice("model.backbone", self.backbone, BACKBONES)
        check_choice("model.neck", self.neck, NECKS)
        # Lengths go by the levels.
        problems = [*_level_problems(self), *_width_problems(self)] or [*_length_problems(self)]
        if problems:
            raise UserError("\n".join(problems))

    @property
    def strides(self) -> tuple[int, ...]:
        """Grid steps from one frame to the next, of every level that has predictions."""
        return tuple(self.scale_factor**level for level in range(self.first_level, self.branch_layers + 1))

    @property
    def length_terms(self) -> tuple[int, ...]:
        """Numbers that divide max_frames, one per level: its stride times the frames that its windows move by.

        As published, the windows count from level 0 whatever the first level is.
        """
        pairs = zip(self.strides, self.window_sizes, strict=False)
        return tuple(stride * max(2 * (window // 2), 1) if window > 1 else stride for stride, window in pairs)

    def padded_length(self, num_frames: int) -> int:
        """Frames to which the published code pads an evaluated video; they can be seen in its numbers.

        Absolute positions beyond max_frames are stretched by it, and a video that fills it has nothing behind it, where
        others have what norms make of zeros. Where the largest term is no multiple of the coarsest stride, the
        published code ends with an error for some lengths beyond max_frames; here they are padded further, to a
        multiple of both. Source: published libs/modeling/meta_archs.py, preprocessing.
        """
        if num_frames <= self.max_frames:
            return self.max_frames
        divisor = math.lcm(max(self.length_terms), self.strides[-1])
        return -(-num_frames // divisor) * divisor

    @property
    def reach(self) -> int:
        """Frames of its own level that a convolution or pooling reads behind the last valid one, at most."""
        pooled = self.scale_factor // 2 if self.branch_layers else 0
        return max(1, self.embedding_kernel // 2, self.head_kernel // 2, pooled)

    def exact_length(self, num_frames: int) -> int:
        """Fewest frames, a multiple of the coarsest stride, that give the numbers of `padded_length` inside a video.

        Of what is masked a network sees `reach` frames of every level, which hold the same whatever follows them: a
        masked output is zero, or what the next norm makes of zero. Attention leaves masked keys out. Beyond max_frames
        it is `padded_length`.
        """
        if num_frames > self.max_frames:
            return self.padded_length(num_frames)
        coarsest = self.strides[-1]
        return min((-(-num_frames // coarsest) + self.reach) * coarsest, self.max_frames)

    def computed_length(self, num_frames: int) -> int:
        """Frames at which a video is computed: one of few lengths, at least `exact_length`.

        All lengths up to max_frames are multiples of one step; beyond it, and not on a CPU, they are those of
        `padded_length`: steps of an accelerator are so short (some 30 ms, an estimate) that the compilation of more
        programs would take longer than what they save.
        """
        # Imported here: the command line is read with these settings before it waits for JAX.
        import jax

        if num_frames > self.max_frames or jax.default_backend() != "cpu":
            return self.padded_length(num_frames)
        coarsest = self.strides[-1]
        step = math.ceil(max(self.max_frames / LENGTHS, LEAST_STEP) / coarsest) * coarsest
        return min(-(-self.exact_length(num_frames) // step) * step, self.max_frames)

    def level_lengths(self, num_frames: int) -> tuple[int, ...]:
        """Frames of every level with predictions, of a padded video: a multiple of the coarsest stride."""
        if num_frames % self.strides[-1]:
            raise ValueError(f"{num_frames} frames, expected a multiple of {self.strides[-1]}")
        return tuple(num_frames // stride for stride in self.strides)


def _length_problems(config):
    wrong = [str(term) for term in config.length_terms if config.max_frames % term]
    if wrong:
        yield (
            f"data.max_frames is {config.max_frames}, which must be a multiple of {', '.join(wrong)}: of every level's "
            "stride, times its window_size rounded down to an even number where the attention is local."
        )


def _width_problems(config):
    if len(config.stream_dims) != len(config.stream_widths):
        yield (
            f"model.stream_dims has {len(config.stream_dims)} entries and model.stream_widths "
            f"{len(config.stream_widths)}; expected one each per feature stream."
        )
    elif config.stream_widths and sum(config.stream_widths) != config.dim:
        yield f"model.stream_widths add up to {sum(config.stream_widths)}, model.dim is {config.dim}: they must agree."
    if config.backbone == "transformer" and config.dim % config.num_heads:
        yield f"model.dim {config.dim} is no multiple of model.num_heads {config.num_heads}."
    if config.backbone == "transformer" and config.scale_factor % 2:
        yield f"model.scale_factor is {config.scale_factor}; expected an even number."
    if config.neck == "identity" and config.neck_dim != config.dim:
        yield f"model.neck_dim is {config.neck_dim}; the neck 'identity' keeps the {config.dim} channels of model.dim."
    for name in ("embedding_kernel", "head_kernel"):
        if getattr(config, name) % 2 == 0:
            yield f"model.{name} is {getattr(config, name)}; expected an odd number."


def _level_problems(config):
    levels = config.branch_layers + 1
    if len(config.window_sizes) != levels:
        yield f"model.window_sizes has {len(config.window_sizes)} entries; expected one, or one per level: {levels}."
    if config.relative_positions and any(window > 1 and window % 2 == 0 for window in config.window_sizes):
        yield f"model.window_sizes is {config.window_sizes}; relative_positions need odd windows."
    if not 0 <= config.first_level < levels:
        yield f"model.first_level is {config.first_level}; expected 0 to {levels - 1}."
    elif len(config.regression_ranges) != len(config.strides):
        yield (
            f"model.regression_from and regression_to have {len(config.regression_ranges)} entries; expected one per "
            f"level with predictions: {len(config.strides)}."
        )


def from_settings(model: Any, num_classes: int, max_frames: int, dtype: str) -> ActionFormerConfig:
    """Builds the settings of the network of a run from `model`, `data.max_frames` and `dtype` of its config."""
    names = {field.name for field in dataclasses.fields(ActionFormerConfig)}
    values = {name: model[name] for name in names if name in model}
    windows = tuple(model["window_sizes"])
    if len(windows) == 1:
        windows *= model["branch_layers"] + 1
    bounds = tuple(model["regression_from"]), tuple(model["regression_to"])
    if len(bounds[0]) != len(bounds[1]):
        raise UserError(
            f"model.regression_from has {len(bounds[0])} entries and model.regression_to {len(bounds[1])}; expected "
            "one each per level."
        )
    values |= {name: tuple(model[name]) for name in ("stream_dims", "stream_widths")}
    values |= {"window_sizes": windows, "regression_ranges": tuple(zip(*bounds, strict=True))}
    dtype = check_choice("config.dtype", dtype, DTYPES)
    return ActionFormerConfig(**values | {"num_classes": num_classes, "max_frames": max_frames, "dtype": dtype})
