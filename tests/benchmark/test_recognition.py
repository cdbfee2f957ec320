"""The benchmark of recognition on a quick config: the same numbers on all sides, and what is told of them."""

import json

import numpy as np
import pytest

from configs import cast_ssv2
from fact_jax.benchmark import augmenting, ours, parts, report
from fact_jax.benchmark.workload import workload_of

CONFIG = cast_ssv2.get_config("quick")
WORKLOAD = workload_of(CONFIG)
LENGTHS = list(WORKLOAD.lengths)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """(the folder of the exchange, what ours tells of its costs)."""
    folder = tmp_path_factory.mktemp("exchange")
    subject = ours.Ours(CONFIG, WORKLOAD, folder, eval_batch=1)
    facts = subject.prepare(LENGTHS, training=False)
    assert facts["micro_batches"] == ["2 x 1"] and facts["padding_waste"] == 0.0
    costs = subject.publish()
    assert subject.inspect() == {"train": [[]] * 2, "evaluate": [[]] * 2} and subject.evaluate() > 0
    return folder, costs


def test_two_clips_by_default_as_mixup_needs_a_pair():
    assert len(LENGTHS) == 2 < CONFIG.train.batch_size
    assert workload_of(cast_ssv2.get_config()).num_classes == 174


def test_ours_tells_what_the_others_need(published):
    folder, costs = published
    network = json.loads((folder / "network.json").read_text())
    assert network["model"]["experts"] == "both" and network["num_classes"] == [WORKLOAD.num_classes]
    with np.load(folder / "weights.npz") as weights:
        # No start at 0, which would hide all that stands before.
        assert all(np.all(np.std(weights[name]) > 0) for name in weights.files)
    with np.load(folder / "ours.npz") as found:
        assert [found[f"logits{place}"].shape for place in range(2)] == [(WORKLOAD.num_classes,)] * 2
        assert np.abs(found["logits0"] - found["logits1"]).max() > 1e-3
    assert costs["forward"]["train"] == costs["forward"]["evaluate"] > 0


@pytest.mark.parametrize("name", ["torch", "fused"])
def test_the_same_logits_in_pytorch_and_no_gradient_of_frozen_weights(published, name):
    pytest.importorskip("torch")
    from fact_jax.benchmark.torch_reference.subject import TorchSubject

    folder, _ = published
    subject = TorchSubject(WORKLOAD, folder, name, "processor")
    subject.prepare(LENGTHS)
    subject.inspect()
    assert parts._agreement(folder, 2, [name])["largest_logit_difference"] < 1e-5
    assert subject.train() > 0
    moved = {key for key, parameter in subject.network.named_parameters() if parameter.grad is not None}
    assert "blocks.0.cross_s_down.weight" in moved and not any(key.startswith("patch_embed") for key in moved)


def test_augmentation_beside_the_published_way(monkeypatch):
    for name, value in {"DRAWS": 3, "HEIGHT": 40, "WIDTH": 60}.items():
        monkeypatch.setattr(augmenting, name, value)
    result = augmenting.Augmenting(CONFIG).compare(repeats=1)
    assert result["difference"] < 1e-5 and result["ratio"] == result["ours"] / result["other"]
    text = report._augmentation(json.loads(json.dumps(result)))
    assert "A clip of 4 frames of 60 x 40 pixels" in text and "mean of 3 draws" in text
