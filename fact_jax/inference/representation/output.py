"""The files of embedded videos: an array and a record each, pictures, and videos played in step."""

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fact_jax import files
from fact_jax.inference.output import FIGURES, PREDICTIONS, VideoFiles, json_with_rows
from fact_jax.reporting.representation.alignment_video import write_alignment
from fact_jax.reporting.representation.embedding_map import plot_map
from fact_jax.reporting.representation.retrieval import plot_retrieval
from fact_jax.reporting.representation.score_files import SCORES_FILE
from fact_jax.reporting.representation.shown import ShownVideo
from fact_jax.reporting.representation.similarity import plot_similarity

# Names of their own: an evaluation of the same folder has pictures too.
MAP, RETRIEVAL = Path(FIGURES) / "predicted_map.png", Path(FIGURES) / "predicted_retrieval.png"
_EVEN = 1e-3  # seconds by which times may differ from even ones: containers round them
_SAME = 1e-3  # of the largest number, by which embeddings of one video differ at most: chunks are padded otherwise
MOST_SHOWN = 30  # videos in the pictures of all of them
MOST_FRAMES = 2000  # of each of these


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingFiles(VideoFiles):
    """predictions/VIDEO.npy and VIDEO.json, figures/prediction_VIDEO.png; see the base.

    Of two videos or more of one command there is a map of the embeddings and a picture of nearest frames. With
    `align_to`, the name of one of them, each other one is shown in step with it: predicted_alignment_A_B.mp4 and .png.
    """

    embedding: Mapping[str, Any]  # settings of the run or the command that the embeddings depend on: JSON values
    assemblies: Mapping[str, Any]  # by video, see `data_pipelines.representation.unlabelled.Assembly`
    videos: Mapping[str, Any]  # the opened RawVideos
    align_to: str | None = None

    @property
    def together(self):
        return (MAP, RETRIEVAL, *(path for pair in self._pairs() for path in pair[1:]))

    def paths(self, video):
        name = files.safe_name(video.video_id)
        return {Path(PREDICTIONS) / f"{name}.npy": True, Path(FIGURES) / f"prediction_{name}.png": self.figures}

    def contents(self, video, prediction):
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(prediction, np.float32))
        return {next(iter(self.paths(video))): buffer.getvalue()}

    def draw(self, video, prediction):
        shown = self._shown(video.video_id, prediction)
        return plot_similarity(shown, shown, title=f"{self.origin['name']} · {video.video_id}")

    def is_record(self, content, video):
        return content.get("video_id") == video.video_id and isinstance(content.get("embeddings"), dict)

    def record(self, video, prediction, vouched):
        assembly = self.assemblies[video.video_id]
        content = {
            "video_id": video.video_id,
            "embeddings": {"frames": len(prediction), "channels": prediction.shape[1], "time_axis": "first"},
            "video": {"frames": video.num_frames, "frame_stride": self.embedding["frame_stride"]},
            **time_of(assembly.times),
        }
        return json_with_rows(content | vouched, "times")

    def made_from(self, video):
        return {"model": dict(self.origin), "embedding": dict(self.embedding), "options": {"figures": self.figures}}

    def evaluated(self, folder):
        """Paths of embeddings that an evaluation left and no prediction has written since; see the base."""
        if not (folder / SCORES_FILE).is_file():
            return {}
        paths = {name: folder / PREDICTIONS / f"{files.safe_name(name)}.npy" for name in self.videos}
        return {name: path for name, path in paths.items() if path.exists() and not path.with_suffix(".json").exists()}

    def agrees(self, evaluated, prediction):
        try:
            with evaluated.open("rb") as file:
                found = np.lib.format.read_array(file, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False  # cut short: whatever it was, it is not this prediction
        if found.shape != prediction.shape:
            return False
        return bool(np.max(np.abs(found - prediction)) <= _SAME * np.max(np.abs(prediction)))

    def conclude(self, folder, videos):
        names = [video.video_id for video in videos]
        if self.figures and len(names) > 1:
            chosen = [names[place] for place in np.linspace(0, len(names) - 1, MOST_SHOWN).round().astype(int)]
            chosen = list(dict.fromkeys(chosen))
            shown = [self._stored(folder, name).thinned(MOST_FRAMES) for name in chosen]
            count = f"{len(chosen)} of {len(names)} videos" if len(chosen) < len(names) else f"{len(names)} videos"
            title = f"{self.origin['name']} · {count}"
            files.save_figure(folder.path / MAP, plot_map(shown, title=title))
            files.save_figure(folder.path / RETRIEVAL, plot_retrieval(shown, title=title))
        for name, video_path, picture in self._pairs():
            if name in names and self.align_to in names:
                query, key = self._stored(folder, self.align_to), self._stored(folder, name)
                write_alignment(folder.path / video_path, query, key)
                files.save_figure(folder.path / picture, plot_similarity(query, key))

    def _pairs(self):
        """[(name, MP4, picture)] of the videos that are shown in step with `align_to`."""
        if self.align_to is None:
            return []
        pairs = {name: f"predicted_alignment_{files.safe_name(f'{self.align_to}_{name}')}" for name in self.videos}
        stems = [(name, Path(FIGURES) / stem) for name, stem in pairs.items() if name != self.align_to]
        return [(name, stem.with_name(f"{stem.name}.mp4"), stem.with_name(f"{stem.name}.png")) for name, stem in stems]

    def _stored(self, folder, name):
        path = folder.path / PREDICTIONS / f"{files.safe_name(name)}.npy"
        return self._shown(name, np.load(path, allow_pickle=False))

    def _shown(self, name, embeddings):
        assembly = self.assemblies[name]
        return ShownVideo(name, embeddings, assembly.times, None, assembly.steps, self.videos[name])


def time_of(times) -> dict[str, Any]:
    """When embedded frames are shown: {"first_time", "rate"} in seconds and per second, or {"times"} of all of them."""
    times = np.asarray(times, np.float64)
    gap = (times[-1] - times[0]) / max(len(times) - 1, 1)
    if len(times) == 1 or np.max(np.abs(times - (times[0] + gap * np.arange(len(times))))) <= _EVEN:
        return {"first_time": float(times[0]), "rate": float(1 / gap) if gap > 0 else 0.0}
    return {"times": np.round(times, 6).tolist()}
