"""Settings of the CAST network."""

import dataclasses

from fact_jax.types import UserError, check_choice

EXPERTS = ("both", "clip", "videomae")
AXES = ("sample", "token")
STORED = ("float32", "bfloat16", "float16")
# Of the classifiers, by how many there are; the order of labels and logits.
HEADS = {1: ("label",), 2: ("noun", "verb")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CASTConfig:
    """Sizes and rates of the network; as published by default, for Something-Something-V2.

    Attributes:
      experts: "both" in lock step, "clip", the spatial one alone, or "videomae", the temporal one alone.
      adapters: of a single expert: whether its blocks have adapters; both together always have them.
      train_experts: False: adapters, exchange, last normalisations and classifiers alone are trained, as published.
        True: all is; the adapters before the one classifier then start as drawn, not as nothing.
      num_classes: of the classifiers: one number of actions, or two, of nouns and of verbs.
      num_frames: T of a clip, a multiple of `tubelet`.
      image_size: pixels of a side of a frame, a multiple of `patch_size`.
      patch_size: pixels of a side of a patch.
      tubelet: frames of a patch of the temporal expert; of both experts together 2.
      dim, num_layers, num_heads: channels, blocks and attention heads of both experts.
      mlp_ratio: channels inside the feed-forward layers, times `dim`.
      adapter_ratio: channels of `dim` for one inside an adapter.
      down_ratio: channels of `dim` for one of the exchange between the experts.
      drop_path: probability, of the last block, that what adapters and exchange add is left out; of the first one 0.
      drop_path_axis: what is left out of the spatial expert at once: the additions to all tokens of a clip, "sample",
        or those to one token in all frames of a clip, "token". Of the temporal expert always those to all tokens.
      dropout_rate: inside the temporal expert, of positions, attention and feed-forward outputs.
      head_dropout_rate: before the classifier; single head.
      init_scale: factor on the first weights of the classifiers.
      start_scale: factor on those of all other linear maps whose deviation is 0.02; for small experts that nothing has
        trained before.
      frozen_dtype: in which weights that are not trained are stored.
      remat: keep the inputs of the blocks only for the gradient and compute their insides again.
      dtype: of the products.
    """

    experts: str = "both"
    adapters: bool = True
    train_experts: bool = False
    num_classes: tuple[int, ...] = (174,)
    num_frames: int = 16
    image_size: int = 224
    patch_size: int = 16
    tubelet: int = 2
    dim: int = 768
    num_layers: int = 12
    num_heads: int = 12
    mlp_ratio: int = 4
    adapter_ratio: int = 4
    down_ratio: int = 2
    drop_path: float = 0.3
    drop_path_axis: str = "sample"
    dropout_rate: float = 0.0
    head_dropout_rate: float = 0.0
    init_scale: float = 1.0
    start_scale: float = 1.0
    frozen_dtype: str = "float32"
    remat: bool = False
    dtype: str = "float32"

    def __post_init__(self):
        object.__setattr__(self, "num_classes", tuple(self.num_classes))
        problems = []
        for name, options in (("experts", EXPERTS), ("drop_path_axis", AXES), ("frozen_dtype", STORED)):
            try:
                check_choice(f"config.model.{name}", getattr(self, name), options)
            except UserError as error:
                problems.append(str(error))

        def divides(part, whole, name, of):
            if part < 1 or whole < 1 or whole % part:
                problems.append(f"{of} is {whole}, which is no multiple of {name}, {part}.")

        divides(self.patch_size, self.image_size, "model.patch_size", "data.augmentation.size, the side of a frame,")
        divides(self.tubelet, self.num_frames, "model.tubelet", "data.sampling.num_frames")
        for name in ("num_heads", "adapter_ratio", "down_ratio"):
            divides(getattr(self, name), self.dim, f"model.{name}", "model.dim")
        if self.has_both and self.dim % (self.down_ratio * self.num_heads):
            found = f"{self.dim} / {self.down_ratio}, which is not divided by model.num_heads, {self.num_heads}"
            problems.append(f"model.dim / model.down_ratio is {found}.")
        if self.has_both and self.tubelet != 2:
            what = "the spatial expert looks at every second frame"
            problems.append(f"model.tubelet is {self.tubelet}; of both experts together it is 2: {what}.")
        if self.has_both and not self.adapters:
            problems.append("model.adapters is False; both experts together have them.")
        if len(self.num_classes) not in HEADS or min(self.num_classes, default=0) < 1:
            problems.append(f"The numbers of classes are {self.num_classes}; expected one or two, each at least 1.")
        if self.train_experts and self.frozen_dtype != "float32":
            what = "and all weights are trained (model.train_experts)"
            problems.append(f"model.frozen_dtype is {self.frozen_dtype!r}, {what}: set it to 'float32'.")
        if problems:
            raise UserError("\n".join(problems))

    @property
    def has_both(self) -> bool:
        """Whether there are two experts."""
        return self.experts == "both"

    @property
    def has_clip(self) -> bool:
        """Whether there is the spatial expert."""
        return self.experts != "videomae"

    @property
    def has_videomae(self) -> bool:
        """Whether there is the temporal expert."""
        return self.experts != "clip"

    @property
    def heads(self) -> dict[str, int]:
        """Name of every classifier -> its classes, in the order of labels and logits."""
        return dict(zip(HEADS[len(self.num_classes)], self.num_classes, strict=True))

    @property
    def fuses(self) -> bool:
        """Whether one classifier sees both experts."""
        return self.has_both and len(self.num_classes) == 1

    @property
    def num_patches(self) -> int:
        """P, of a frame."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def num_slots(self) -> int:
        """F, the steps of time that tokens have; of the spatial expert alone T."""
        return self.num_frames // self.tubelet if self.has_videomae else self.num_frames

    @property
    def hidden(self) -> int:
        """Channels inside the feed-forward layers."""
        return self.dim * self.mlp_ratio

    @property
    def stored(self) -> str:
        """The dtype of the experts' parameters."""
        return "float32" if self.train_experts else self.frozen_dtype
