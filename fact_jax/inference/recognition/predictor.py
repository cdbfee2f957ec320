"""Labels of clips and of windows of long videos."""

import numpy as np

from fact_jax.inference.predictor import Predictor
from fact_jax.inference.recognition.predictions import RecognisedVideo
from fact_jax.tasks.recognition.evaluation import LOGITS
from fact_jax.tasks.recognition.systems import head_names
from fact_jax.types import UserError


class RecognitionPredictor(Predictor):
    """Recognises what happens in videos; see `Predictor`.

    Attributes:
      heads: name of every head, "label" or "noun" and "verb" -> the names of its classes.
    """

    def __init__(self, *arguments, record, **options):
        super().__init__(*arguments, record=record, **options)
        self.heads = head_names(record["derived"])

    def predict(
        self, video, *, window: float | None = None, every: float | None = None, **others
    ) -> RecognisedVideo | list[RecognisedVideo]:
        """Recognises what happens in one video, or in several.

        Every window is seen in all views of a test of the run, whose probabilities are averaged.

        Args:
          video: uint8 [T, H, W, 3], RGB; or the path of a video file, a folder of images or an array. Or a list of
            these, done one after another.
          window: seconds of a window of a long video; None: all of it is one.
          every: seconds from a window to the next; None: those of a window.

        Raises:
          UserError: what is given is no such video, cannot be read, or gives numbers that are not finite; or an
            argument (`others`) belongs to another kind of work.
        """
        return self._predict_each(lambda one, name: self._predict_one(one, name, window, every), video, others)

    def export_plan(self, longest):
        del longest
        raise UserError(
            "A run of recognition cannot be exported with --format jax: its predictions begin with videos that are "
            "decoded, cut into windows and resized as OpenCV does, which jax and NumPy alone do not have. "
            "--mode predict and inference.load need this library."
        )

    def _predict_one(self, video, name, window, every):
        assembly, views = self._runs().read_views(self.config, video, window, every, name)
        for arrays in views:
            whole = self.prediction(self._run_one(arrays, heavy="frames"), 0, assembly)
        return whole

    def _prediction(self, scores, row, assembly):
        """The RecognisedVideo of a video where this row is its last view, else None.

        `assembly` puts the views of the video together, see `data_pipelines.recognition.unlabelled.WindowAssembly`.
        """
        found = assembly.add({head: np.asarray(scores[f"{LOGITS}{head}"][row]) for head in self.heads})
        return None if found is None else RecognisedVideo(assembly.times, found, self.heads)
