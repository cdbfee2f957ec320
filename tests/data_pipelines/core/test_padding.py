"""What batches are padded to, counted without reading: the same as in the batches themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data_pipelines.core.listed import reads, train_batches

EXAMPLES = settings(derandomize=True, max_examples=50, deadline=None)


@EXAMPLES
@given(
    st.integers(1, 30),
    st.integers(1, 8),
    st.integers(0, 4),
    st.integers(0, 2),
    st.sampled_from(["random", "by_length"]),
)
def test_the_padding_of_epochs_is_that_of_their_batches(num_videos, batch_size, piece_size, extra_rows, sampling):
    num_rows = min(piece_size or batch_size, batch_size) + extra_rows
    batches = train_batches(
        num_videos, batch_size, 3, num_rows, (2, 4, 9), micro_batch_size=piece_size, sampling=sampling
    )
    padding = batches.padding(num_epochs=2)
    assert reads(batches) == []
    masks = [batch.arrays["mask"] for step in range(2 * batches.steps_per_epoch) for batch in batches.batches(step)]
    assert (padding.frames, padding.padded_frames) == (sum(m.sum() for m in masks), sum(m.size for m in masks))
    assert padding.waste == pytest.approx(1 - padding.frames / padding.padded_frames)
    widths = [mask.shape[1] for mask in masks]
    assert list(padding.batches.items()) == [(width, widths.count(width)) for width in sorted(set(widths))]


def test_batches_by_length_and_micro_batches_pad_less():
    def waste(**options):
        return train_batches(36, 4, num_rows=options.pop("num_rows", 4), buckets=(3, 6, 9), **options).padding(10).waste

    per_video = 1 - 180 / 216  # 12 videos of each of the lengths 1-3, 4-6 and 7-9
    assert waste(micro_batch_size=1, num_rows=1) == pytest.approx(per_video)
    assert waste(sampling="by_length") == pytest.approx(per_video)
    assert waste() > per_video + 0.15
    assert per_video < waste(micro_batch_size=2, num_rows=2) < waste()
