"""Settings of the CARL network."""

import dataclasses

from fact_jax.types import UserError, check_choice

EMBEDDERS = ("transformer", "conv", "vanilla")
TRAIN_BACKBONE = ("frozen", "norms", "all")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CARLConfig:
    """Sizes and rates of the network; as published by default, for Pouring.

    Attributes:
      embedder: "transformer" mixes all frames of a clip; "conv" and "vanilla" see a frame and those before it.
      stem_dim, stage_dims, stage_blocks: of the ResNet, see `fact_jax.models.backbones.resnet`.
      backbone_stages: stages of the ResNet that are its backbone; those behind them are trained.
      train_backbone: "frozen", "norms" (its normalisations alone) or "all". The transformer's is always frozen.
      chunk_frames: steps of time that share statistics in the trained stages, of all clips of a batch; the
        transformer's.
      frames_at_once: frames that go through a frozen backbone at a time; 0: by the hardware. Changes speed and memory.
      conv_dims: channels of the convolutions over time, height and width; conv.
      fc_dims: channels of the layers between the largest pixel and the embedder.
      hidden_dim, ff_dim, num_heads, num_layers: of the transformer.
      embedding_dim: channels of an embedding.
      projection_dim: channels inside the head behind which the contrastive loss compares; 0: no head.
      dropout_rate: everywhere.
      num_frames: T of a training clip. The positions of clips of another length are stretched to it.
      num_contexts: images of every frame, itself the last one; conv and vanilla.
      l2_normalize: whether embeddings have unit length.
      num_classes: of the classifier; 0: none.
      dtype: of the products.
    """

    embedder: str = "transformer"
    stem_dim: int = 64
    stage_dims: tuple[int, ...] = (64, 128, 256, 512)
    stage_blocks: tuple[int, ...] = (3, 4, 6, 3)
    backbone_stages: int = 3
    train_backbone: str = "frozen"
    chunk_frames: int = 40
    frames_at_once: int = 0
    conv_dims: tuple[int, ...] = (512, 512)
    fc_dims: tuple[int, ...] = (512, 512)
    hidden_dim: int = 256
    ff_dim: int = 1024
    num_heads: int = 8
    num_layers: int = 2
    embedding_dim: int = 128
    projection_dim: int = 128
    dropout_rate: float = 0.1
    num_frames: int = 240
    num_contexts: int = 1
    l2_normalize: bool = True
    num_classes: int = 0
    dtype: str = "float32"

    def __post_init__(self):
        for name in ("stage_dims", "stage_blocks", "conv_dims", "fc_dims"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_choice("config.model.embedder", self.embedder, EMBEDDERS)
        check_choice("config.model.train_backbone", self.train_backbone, TRAIN_BACKBONE)
        problems = []
        if len(self.stage_dims) != 4 or len(self.stage_blocks) != 4:
            found = f"{self.stage_dims} and {self.stage_blocks}"
            problems.append(f"model.stage_dims and model.stage_blocks are {found}; expected four numbers each.")
        if self.backbone_stages not in (2, 3, 4):
            problems.append(f"model.backbone_stages is {self.backbone_stages}; expected 2, 3 or 4 of the four stages.")
        if self.hidden_dim % self.num_heads:
            found = f"{self.hidden_dim}, which is not divided by model.num_heads, {self.num_heads}"
            problems.append(f"model.hidden_dim is {found}.")
        if self.uses_clips and self.num_contexts != 1:
            problems.append(f"model.num_contexts is {self.num_contexts}; the transformer takes 1 image of a frame.")
        if self.uses_clips and self.train_backbone != "frozen":
            problems.append(f"model.train_backbone is {self.train_backbone!r}; the transformer's is 'frozen'.")
        if problems:
            raise UserError("\n".join(problems))

    @property
    def uses_clips(self) -> bool:
        """Whether an embedding depends on all frames of its clip."""
        return self.embedder == "transformer"
