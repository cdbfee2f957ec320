"""Multiply-adds of the forward pass as the published networks compute it."""

import math

# A training step computes the gradients of the products' both factors as well.
TRAINING_FACTOR = 3
FLOPS_PER_MAC = 2


def multiply_adds(model, feature_dim: int):
    """Multiply-adds (per frame, per predicted segment, per video) of every block of a FactConfig (a dict).

    Counted: convolutions, projections, attention over frames or segments. Left out: norms, softmaxes, positions.
    """
    tokens, rows = model["num_tokens"], []
    for index, (letter, c) in enumerate(zip(model["blocks"], model["block_configs"], strict=True)):
        hidden, action, frame = c["hidden_dim"], c["action_dim"], c["frame_dim"]
        per_frame = _frame_branch(c, hidden if model["faformer"] else feature_dim, index)
        if model["faformer"] and index == 0:
            per_frame += feature_dim * hidden
        per_segment = 0.0
        own = tokens * (4 * action**2 + 2 * action * c["action_ff_dim"]) + 2 * tokens**2 * action
        if index == 0:
            # The cross-attention's query and output projections; its keys and values are per frame.
            own += 2 * tokens * action**2
            memory = c["action_layers"] * (2 * hidden * action + 2 * tokens * action)
            per_frame, per_segment = (per_frame, memory) if letter == "I" else (per_frame + memory, 0.0)
        exchange = 3 * hidden**2 + 2 * hidden * frame + 4 * tokens * hidden if index else 0
        per_video = c["action_layers"] * own + tokens * action * hidden
        if index:
            per_video += tokens * (3 * hidden**2 + 2 * hidden * action)
        if letter == "u":
            per_frame += exchange
        if letter in "IU":
            layers = 2 if letter == "I" else c["segment_layers"]
            per_segment += layers * 4.5 * hidden**2 + hidden**2 + exchange
        if letter == "U":
            per_frame += (hidden + frame) * frame
        rows.append((per_frame, per_segment, per_video))
    return rows


def _frame_branch(c, inputs, index):
    """Multiply-adds of a frame branch per frame; that of the first block reads `inputs` channels."""
    hidden, frame = c["hidden_dim"], c["frame_dim"]
    if c["frame_branch"] == "t":
        dim, attention = c["encoder_dim"], c["encoder_dim"] // c["encoder_reduction"]
        windows = sum(2 * 2**layer * attention for layer in range(c["encoder_layers"]))
        layers = c["encoder_layers"] * (4 * dim**2 + 4 * dim * attention) + windows
        return (frame if index else inputs) * dim + layers + dim * hidden
    dilated = 3 * frame**2 / c["frame_groups"]
    layer = dilated + frame**2 if c["frame_branch"] == "m" else 2 * dilated + 2 * frame**2
    return (0 if index else inputs * frame) + c["frame_layers"] * layer + frame * hidden


def forward_flops(model, feature_dim: int, lengths, segments) -> float:
    """Floating point operations of one forward pass of a batch, from the frames of every video.

    `model` is a FactConfig as a dict or, where work grows with the frames alone, {"per_frame": multiply-adds};
    `segments` are the predicted segments of every video (rows) in every block over segments (columns).
    """
    if "per_frame" in model:
        return FLOPS_PER_MAC * float(sum(lengths)) * model["per_frame"]
    rows, total = multiply_adds(model, feature_dim), 0.0
    for length, counts in zip(lengths, segments, strict=True):
        counts = iter(counts)
        for letter, (per_frame, per_segment, per_video) in zip(model["blocks"], rows, strict=True):
            total += length * per_frame + per_video
            total += next(counts) * per_segment if letter in "IU" else 0.0
    return FLOPS_PER_MAC * total


def pyramid_flops(model, shapes, num_frames: int) -> float:
    """Floating point operations of ActionFormer's convolutions and attentions for one video of padded frames.

    Local attention as the published code slices it: 4 w keys per query for the logits and 3 w values, w being half a
    window. (Ours multiplies with 64 + 2 w keys for 64 queries.) `shapes` are those of all parameters by their paths.
    """
    points, products = sum(model.level_lengths(num_frames)), 0
    for path, shape in shapes.items():
        if path.endswith("/kernel"):
            length = points if path.startswith("heads") else num_frames // model.scale_factor ** _level(model, path)
            products += length * math.prod(shape)
    for level, window in enumerate(model.window_sizes if model.backbone == "transformer" else ()):
        length = num_frames // model.scale_factor**level
        keys = 2 * length if window <= 1 else 7 * (window // 2)
        products += (model.stem_layers if level == 0 else 1) * length * model.dim * keys
    return FLOPS_PER_MAC * float(products)


def clip_flops(model, shapes, size: int) -> tuple[float, float]:
    """Floating point operations of CARL's forward pass for a frame of `size` pixels: (frozen part, all the rest).

    `model` is a CARLConfig with a transformer; `shapes` are those of all parameters by their paths.
    """
    frozen = others = 0
    for path, shape in shapes.items():
        if not path.endswith("/kernel"):
            continue
        part, layer, *rest = path.split("/")
        if part != "resnet":
            others += math.prod(shape)
            continue
        stage, block = (-1, 0) if layer == "stem" else map(int, layer.split("_")[1:])
        # Pixels go down by two at the stem, at the pooling and with the second convolution of a later stage.
        enters = stage > 0 and block == 0 and rest[0] == "conv_1"
        side = -(-size // 2 ** (1 if stage < 0 else 2 + stage - enters))
        work = side * side * math.prod(shape)
        if stage < model.backbone_stages:
            frozen += work
        else:
            others += work
    others += model.num_layers * 2 * model.num_frames * model.hidden_dim
    return FLOPS_PER_MAC * float(frozen), FLOPS_PER_MAC * float(others)


def _level(model, path):
    """The level of the pyramid at whose frames a convolution of backbone or neck is computed."""
    part, layer = path.split("/")[:2]
    name, _, number = layer.rpartition("_")
    if part == "neck":
        return model.first_level + int(number)
    return 1 + int(number) if name == "branch" else 0


def expert_flops(model) -> float:
    """Floating point operations of CAST's forward pass for one clip; as published 2 x 390.5 G (paper: 391).

    `model` is a CASTConfig. Counted: patches, projections, attentions, adapters, the exchange. Left out: norms,
    softmaxes, positions, what follows the blocks.
    """
    dim, inner, patches = model.dim, model.dim // model.down_ratio, model.num_patches
    pixels, adapter = 3 * model.patch_size**2, 2 * dim * (dim // model.adapter_ratio)
    dense = (4 + 2 * model.mlp_ratio) * dim**2  # attention's four maps and the feed-forward layers, per token
    frames = model.num_frames // (2 if model.has_both else 1)  # that the spatial expert sees
    space, time = frames * (1 + patches), model.num_slots * patches
    products = 0
    if model.has_clip:
        again = model.experts == "clip" and model.adapters  # a second attention of the same weights, over time
        attention = 2 * (1 + patches) * dim + again * (4 * dim**2 + 2 * frames * dim)
        adapters = (3 if again else 2) * adapter * model.adapters
        products += frames * patches * pixels * dim + model.num_layers * space * (dense + attention + adapters)
    if model.has_videomae:
        block = dense + 2 * time * dim + 2 * adapter * model.adapters
        products += time * model.tubelet * pixels * dim + model.num_layers * time * block
    if model.has_both:
        maps = 2 * (space + time) * dim * inner + 2 * time * 4 * inner**2  # down and up; q, k, v and out, both ways
        products += model.num_layers * (maps + 2 * time * inner * (frames + patches))
    return FLOPS_PER_MAC * float(products)
