"""What a user is told of a recognition run before it trains: weights that it lacks."""

# The sizes of ViT-B/16, which files of others have.
_VIT_B = {"patch_size": 16, "dim": 768, "num_layers": 12, "num_heads": 12, "mlp_ratio": 4}
_FILES = {"clip": "CLIP's ViT-B-16.pt", "videomae": "a ViT-B file of VideoMAE"}


def drawn_experts(config) -> str:
    """A sentence for a run that begins without other weights, "" where it trains all of them.

    Nothing is said of drawn clips, whose networks are too small for files of others.
    """
    model = config.model
    if model.train_experts or config.data.reader == "synthetic":
        return ""
    experts = [name for name in _FILES if model.experts in ("both", name)]
    several = len(experts) > 1
    whose = "both experts stay as they are drawn, and have" if several else "the expert stays as it is drawn, and has"
    found = f"Training begins without --init_from: {whose} learned nothing."
    if {name: model[name] for name in _VIT_B} != _VIT_B:
        return f"{found} No ViT-B/16 of others is of this size, see config.model; model.train_experts=True trains all."
    given = " and ".join(f"--init_from FILE with {_FILES[name]}" for name in experts)
    return f"{found} Give {given}."
