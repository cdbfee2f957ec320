"""What a report has to know about a kind of work."""

import abc
import pathlib
from typing import Any, ClassVar


class ReportKind(abc.ABC):
    """One kind of work in a report; it has no state.

    What an evaluation left (`evaluated`) is an object with `dataset`, `metric`, `videos`, each of which has a
    `video_id`, sorted by it, and `state()`, which counts every video again.
    """

    task: ClassVar[str]  # its name in words
    file: ClassVar[pathlib.PurePath]  # what an evaluation leaves for reports, below the workdir
    evidence: ClassVar[str]  # what scores are counted from, in words
    truth: ClassVar[str]  # what is compared with, in words
    first_score: ClassVar[str]  # the score that videos are sorted by at first, where the runs have it
    class_counts: ClassVar[tuple[str, ...]]  # columns of `class_scores` that are no scores
    table_names: ClassVar[tuple[str, ...]] = ()  # of `more_tables`
    seen_by: ClassVar[tuple[str, ...]]  # one of them has to be more than 0 for a class to stand in report.md
    unseen: ClassVar[str]  # what the other classes do, in words
    how_resampled: ClassVar[str]  # how the scores of a resample are made, in words
    errors: ClassVar[str]  # what the page calls marking them
    item: ClassVar[str] = "video"  # what the page calls one of those that are scored
    counted: ClassVar[str] = "segments"  # and what it counts of a class
    styles: ClassVar[tuple[str, ...]]  # files of the page in `assets`, one behind the other
    scripts: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def read(self, workdir) -> Any:
        """What an evaluation left in a workdir."""

    @abc.abstractmethod
    def comparable(self, evaluated) -> dict[str, Any]:
        """What has to be equal in runs of one report: its name in words -> its value."""

    @abc.abstractmethod
    def truth_of(self, video) -> list:
        """The ground truth of a video as something to compare."""

    @abc.abstractmethod
    def names(self, metric):
        """Names of the scores in the published order."""

    def stored(self, scores) -> dict[str, float]:
        """The scores of results.json as `state().compute()` gives them."""
        return scores

    @abc.abstractmethod
    def class_scores(self, run) -> list[dict]:
        """A dict per class with "class_id", its counts and scores; NaN where it has none."""

    @abc.abstractmethod
    def video_scores(self, run) -> list[dict]:
        """A dict per video, by name, with "video_id", its counts and scores."""

    @abc.abstractmethod
    def sample(self, state, video_ids):
        """A function from weights float64 [R, V] to scores float64 [R, metrics] of resamples of these V videos."""

    @abc.abstractmethod
    def protocol(self, evaluated) -> str:
        """How was scored, in words."""

    @abc.abstractmethod
    def classes(self, evaluated):
        """{class id: name}."""

    def describe_class(self, evaluated, class_id):
        """First columns of the row of a class."""
        return {"class_id": class_id, "class_name": self.classes(evaluated)[class_id]}

    def background_of(self, evaluated):
        """Ids of the classes that are drawn as background."""
        return ()

    @abc.abstractmethod
    def page_columns(self, metric) -> list[str]:
        """Columns of `class_scores` that the page offers, the first choice last."""

    @abc.abstractmethod
    def text_columns(self, metric):
        """Columns of `class_scores` that stand in report.md."""

    def more_tables(self, groups):
        """{name of a further CSV file: its rows}."""
        return {}

    def more_markdown(self, groups):
        """Lines between the scores and the differences."""
        return []

    def more_sections(self, groups):
        """{title of a further section of the page: its HTML}, between the scores and the differences."""
        return {}

    def how_drawn(self, groups):
        """What is drawn of a video, in words, where it needs them."""
        return ""

    @abc.abstractmethod
    def page_settings(self, evaluated) -> dict[str, Any]:
        """Of the data of the page: "fps", frames per second of the times in it, 0 where unknown; and what is own."""

    @abc.abstractmethod
    def page_videos(self, run, groups):
        """{video: (its length, its ground truth, what was predicted)}, as the scripts of the page take them."""
