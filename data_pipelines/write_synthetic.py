"""Writes videos of the built-in synthetic dataset as files, to try prediction or a dataset folder of your own with.

    python -m data_pipelines.write_synthetic toy
    python main.py --workdir runs/synthetic --mode predict --input toy/features --output predicted

The videos are those that configs/fact_synthetic.py tests on (with --verb_noun those of
configs/fact_synthetic_verb_noun.py) and, beyond its 30, more of the kind. FOLDER holds features/VIDEO.npy (float32,
channels, frames), groundTruth/VIDEO.txt, transcripts/VIDEO.txt, mapping.txt and splits/test.split1.bundle; with
--with_train also the training videos and their list, which makes it a dataset for `data_pipelines.write_config`.
"""

import shlex

from data_pipelines.core import command_line
from data_pipelines.core.wording import count
from data_pipelines.segmentation.config import SyntheticSegmentationConfig
from data_pipelines.segmentation.synthetic import SyntheticSource
from fact_jax.files import atomic_save_array, atomic_write_text
from fact_jax.ops.segments import frames_to_segments

_MAX_VIDEOS = 10_000


def main(argv=None):
    """Runs the tool; returns 0."""
    arguments = _parse(argv)
    folder = command_line.new_folder(arguments.folder)
    spec = SyntheticSegmentationConfig(num_test_videos=arguments.videos, verb_noun=arguments.verb_noun)
    with command_line.writing(folder):
        for subset in ("train", "test") if arguments.with_train else ("test",):
            source = SyntheticSource(spec, subset)
            _write_videos(folder, source)
            _write_lines(folder / "splits" / f"{subset}.split1.bundle", source.video_ids)
            channels = count(source.feature_dim, "channel")
            print(f"{count(len(source), f'{subset} video')}, {channels}: {folder / 'features'}")
        _write_classes(folder, source)
    config, run = ("synthetic_verb_noun", "verb_noun") if arguments.verb_noun else ("synthetic", "synthetic")
    print(f"to label them with a run of configs/fact_{config}.py:")
    options = ["--workdir", f"runs/{run}", "--mode", "predict", "--input", str(folder / "features")]
    print("  " + shlex.join(["python", "main.py", *options, "--output", "predicted"]))
    return 0


def _parse(argv):
    parser = command_line.parser("data_pipelines.write_synthetic", __doc__, "Exit code: 0 written, 2 not.")
    add = parser.add_argument
    add("folder", help="new folder to write")
    add("--videos", type=int, default=20, metavar="N", help="number of test videos (default: 20)")
    add("--verb_noun", action="store_true", help="classes are pairs of a verb and a noun")
    add("--with_train", action="store_true", help="also write the training videos and their list")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.videos <= _MAX_VIDEOS:
        parser.error(f"--videos is {arguments.videos}, expected 1 to {_MAX_VIDEOS}")
    return arguments


def _write_videos(folder, source):
    for index, video_id in enumerate(source.video_ids):
        video = source[index]
        atomic_save_array(folder / "features" / f"{video_id}.npy", video.features.T)
        texts = {"groundTruth": video.labels, "transcripts": frames_to_segments(video.labels)[0]}
        for name, labels in texts.items():
            _write_lines(folder / name / f"{video_id}.txt", [source.class_names[label] for label in labels])


def _write_classes(folder, source):
    lists = {"mapping.txt": source.class_names}
    if source.verb_nouns:
        lists |= {"verb_mapping.txt": source.verb_nouns.verbs, "noun_mapping.txt": source.verb_nouns.nouns}
    for file_name, names in lists.items():
        _write_lines(folder / file_name, [f"{number} {name}" for number, name in enumerate(names)])


def _write_lines(path, lines):
    atomic_write_text(path, "".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    command_line.run(main)
