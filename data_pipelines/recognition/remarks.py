"""What is odd about the clips of a dataset, though they can be used."""

from data_pipelines.core.wording import count, name_some


def remarks(data, sources):
    """Lines on what is odd in RecognitionSources of a dataset with these settings, with counts."""
    num_frames = data.sampling.num_frames
    clips = (*sources.train, *sources.test)
    if short := [clip.clip_id for clip in clips if clip.num_frames < num_frames]:
        told = f"{count(short, 'clip')} of fewer than {num_frames} frames"
        if data.sampling.strategy == "segment":
            yield f"{told}, which are trained on as a still, their first frame: {name_some(short)}"
        else:
            yield f"{told}, whose last one is repeated: {name_some(short)}"
    seen = data.augmentation.size
    if small := [clip.clip_id for clip in clips if min(clip.video.size) < seen]:
        pixels = f"fewer than the {seen} x {seen} pixels that the network sees"
        yield f"{count(small, 'clip')} with {pixels}, enlarged: {name_some(small)}"
