"""Embeddings of the frames of videos."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from fact_jax.inference.export import ExportPlan
from fact_jax.inference.predictor import Predictor
from fact_jax.types import UserError


class RepresentationPredictor(Predictor):
    """Embeds the frames of videos; see `Predictor`."""

    def predict(self, video, **others) -> Float[np.ndarray, "N D"] | list[Float[np.ndarray, "N D"]]:
        """Embeds one video, or several.

        Every `config.eval.frame_stride`-th frame goes through the network, in chunks of at most
        `config.eval.frames_per_chunk` as published: an embedding depends on the frames of its chunk.

        Args:
          video: uint8 [T, H, W, 3], RGB; or the path of a video file, a folder of images or an array, which is read in
            parts. Or a list of these, done one after another.

        Returns:
          float32 [N, D], N = T with a stride of 1; or a list of them.

        Raises:
          UserError: what is given is no such video, cannot be read, or gives numbers that are not finite; or an
            argument (`others`) belongs to another kind of work.
        """
        return self._predict_each(self._predict_one, video, others)

    def export_plan(self, longest):
        if longest is not None:
            raise UserError("--longest: videos are embedded in chunks, so that they may have any length; leave it out.")
        chunks = self._runs().exported_chunks(self.config)
        size, contexts = chunks.size, chunks.chunks["num_contexts"]

        def batch(taken):
            frames = (taken["rows"] - chunks.mean) / chunks.deviation
            mask = jnp.arange(len(frames)) < taken["number"]
            return {"frames": frames.reshape(1, -1, size, size, 3), "mask": mask[None]}

        return ExportPlan(
            reader="representation",
            settings={"timed": False, "chunks": chunks.chunks, "size": size, "crop": chunks.crop},
            lengths=chunks.lengths,
            row_shape=(contexts, size, size, 3),
            batch=batch,
            results=lambda found, taken: {"embeddings": found["embeddings"][0]},
        )

    def _predict_one(self, video, name):
        assembly, chunks = self._runs().read_chunks(self.config, video, name)
        for arrays in chunks:
            whole = self.prediction(self._run_one(arrays, heavy="frames"), 0, assembly)
        return whole

    def _prediction(self, scores, row, assembly):
        """The embeddings of a video where this row is its last chunk, else None.

        `assembly` puts the chunks of the video together, see `data_pipelines.representation.unlabelled.Assembly`.
        """
        return assembly.add(scores["embeddings"][row])
