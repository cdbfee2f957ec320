"""Projects and tables of BORIS: what their events mean, what of them is refused, and what comes back into a project."""

import json
import math

import pytest

from data_pipelines import export_labels, import_labels
from fact_jax.types import UserError
from tests.data_pipelines.label_tools import drawn
from tests.data_pipelines.label_tools.drawn import found, refused
from tests.data_pipelines.label_tools.projects import boris, observation

ADA = ["--subject", "Ada"]


def test_state_events_of_a_subject_and_modifiers(tmp_path):
    events = [(1, "Ada", "walk", "fast"), (2, "Ada", "walk", "slow"), (3, "Ada", "walk", "fast"), (4, "Ada", "call")]
    events += [(5, "Ada", "walk", "slow"), (6, "Ben", "walk"), (7, "Ben", "walk")]
    path = boris(tmp_path / "a.boris", {"o": observation(events)})
    assert found(path, tmp_path / "a", *ADA) == {"day1": [("walk", 1, 3), ("walk", 2, 5), ("call", 4, 4)]}
    labels = [label for label, *_ in found(path, tmp_path / "b", *ADA, "--modifiers")["day1"]]
    assert labels == ["walk|fast", "walk|slow", "call"]
    both = found(path, tmp_path / "c", "--subject", "Ada", "Ben")["day1"]
    assert both[-1] == ("walk", 6, 7) and len(both) == 4


def test_each_subject_is_a_folder(tmp_path, capsys):
    path = boris(tmp_path / "a.boris", {"o": observation([(1, "", "call"), (2, "Ada", "call"), (3, "Ada", "call")])})
    text = refused(path, tmp_path / "a")
    assert "2 tiers or subjects: 'Ada' (2 events), 'No focal subject' (1 event); choose with --tier NAME" in text
    assert import_labels.main([str(path), "--each", "--output", str(tmp_path / "a")]) == 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["Ada", "No focal subject"]
    assert "--test 0.25" in capsys.readouterr().out


def test_media_one_after_another(tmp_path, capsys):
    events = [
        (1, "Ada", "walk"),
        (12, "Ada", "walk"),
        (15, "Ada", "call"),
        (19.2, "Ada", "walk"),
        (20.3, "Ada", "walk"),
    ]
    media = ("/v/day1.mp4", "C:\\v\\day2.avi")
    lengths = {media[0]: 10, media[1]: 10}
    path = boris(tmp_path / "a.boris", {"o": observation(events, media, lengths)})
    assert found(path, tmp_path / "a") == {
        "day1": [("walk", 1, 10)],
        "day2": [("walk", 0, 2), ("call", 5, 5), ("walk", 9.2, 10)],
    }
    out = capsys.readouterr().out
    assert "1 event of observation 'o' went from one video to the next: split" in out
    assert "1 event of observation 'o' ended up to 0.5 s behind the video: cut" in out
    del lengths[media[0]]
    path = boris(tmp_path / "b.boris", {"o": observation(events, media, lengths)})
    assert "2 media files one after another, and nobody says how long '/v/day1.mp4' is" in refused(path, tmp_path / "b")
    assert found(path, tmp_path / "b", "--lengths", "day1.mp4=10") == found(tmp_path / "a.boris", tmp_path / "c")


def test_offsets(tmp_path):
    """The observation's offset is added to all events; player 2 begins at its own offset."""
    more = {"file": {"1": ["day1.mp4"], "2": ["side.mp4"]}, "time offset": 100.0}
    info = {"offset": {"1": 0.0, "2": -2.5}}
    path = boris(
        tmp_path / "a.boris", {"o": observation([(101, "Ada", "walk"), (103, "Ada", "walk")], info=info, **more)}
    )
    assert found(path, tmp_path / "a") == {"day1": [("walk", 1, 3)]}
    assert found(path, tmp_path / "b", "--media", "2") == {"side": [("walk", 3.5, 5.5)]}
    assert "no media in player 3; --media chooses a player: it has 1, 2" in refused(
        path, tmp_path / "c", "--media", "3"
    )
    created = {"media_creation_date_as_offset": True, "info": {"media_creation_time": {"day1.mp4": 1000}}}
    path = boris(tmp_path / "b.boris", {"o": observation([(1001, "Ada", "call")], **created)})
    assert found(path, tmp_path / "d") == {"day1": [("call", 1, 1)]}


def test_unpaired_events(tmp_path):
    events = [(1, "Ada", "walk"), (2, "Ada", "rest"), (3, "Ada", "rest")]
    path = boris(tmp_path / "a.boris", {"o": observation(events, lengths={"day1.mp4": 9})})
    assert "observation 'o', event 1: the state event 'walk', of 'Ada', starts at 1 s and does not stop" in refused(
        path, tmp_path / "a"
    )
    assert found(path, tmp_path / "b", "--unpaired", "leave_out") == {"day1": [("rest", 2, 3)]}
    assert found(path, tmp_path / "c", "--unpaired", "to_end") == {"day1": [("walk", 1, 9), ("rest", 2, 3)]}
    path = boris(tmp_path / "b.boris", {"o": observation(events)})
    assert "nobody says how long the video is" in refused(path, tmp_path / "d", "--unpaired", "to_end")


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    events = [(math.nan, "Ada", "call"), (3, "Ada", "cal"), (5, "Ada", "call"), (4, "Ada", "call")]
    events += [(5, "Ada", "walk"), (5, "Ada", "walk"), (-3, "Ada", "call"), (99, "Ada", "call")]
    one = observation(events, lengths={"day1.mp4": 10})
    one["events"].insert(4, ["x", "", ""])
    path = boris(tmp_path / "a.boris", {"o": one})
    text = refused(path, tmp_path / "a", "--observation", "o", "p", "--subject", "Ada", "Bob")
    for part in (
        "no observation 'p'; there are o",
        "observation 'o': event 1, 'call', is at nan; expected seconds: correct it in BORIS",
        "event 2: the behaviour 'cal' is not in the ethogram; did you mean 'call'?",
        "event 4 at 4 s comes after one at 5 s; expected events in the order of time",
        "event 5 is \"['x', '', '']\"; expected [seconds, subject, behaviour, modifiers, comment]",
        "event 6: 'walk' stops when it starts, at 5 s",
        "event 8: 'call' at -3 s starts before the video, negative times",
        "event 9: 'call' at 99 s lies behind the end of the video at 10 s",
        "no tier or subject 'Bob': there are 'Ada' (2 events)",
    ):
        assert part in text, part
    assert "10 problems" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "file cannot be read"),
        ("[]", "no observations"),
        ('{"observations": {}}', "no behaviours"),
        ('{"observations": {"o": 3}, "behaviors_conf": {}}', "the observation 'o' is no object"),
        ('{"observations": {}, "observations": {}}', "'observations' is there twice in one object"),
    ],
)
def test_no_project(tmp_path, content, message):
    (tmp_path / "a.boris").write_text(content)
    assert message in refused(tmp_path / "a.boris", tmp_path / "a")


def test_a_video_in_two_observations(tmp_path):
    two = {"first": observation([(1, "Ada", "call")]), "second": observation([(2, "Ada", "call")])}
    path = boris(tmp_path / "a.boris", two)
    assert "'day1' is labelled 2 times: first, second; choose with --observation NAME" in refused(path, tmp_path / "a")
    assert found(path, tmp_path / "b", "--observation", "second") == {"day1": [("call", 2, 2)]}


def test_images_are_no_video(tmp_path):
    path = boris(tmp_path / "a.boris", {"o": observation([]) | {"type": "IMAGES"}})
    assert "its events are of images, not of a video" in refused(path, tmp_path / "a")


def test_tables_of_version_8(tmp_path):
    source = "player #1:a.mp4;b.mp4|player #2:side.mp4"
    start = [
        "o",
        "2026-12-01",
        "",
        "20",
        "Media file(s)",
        source,
        "0.5",
        "10.000;10.000|30.000",
        "25.000;25.000|25.000",
    ]
    header = ["Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source"]
    header += ["Time offset (s)", "Media duration (s)", "FPS", "Subject", "Behavior", "Behavioral category"]
    header += ["Modifier #1", "Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment"]
    rows = [("START", "1.5", "fast"), ("POINT", "11.5", ""), ("STOP", "0:00:12.0", "fast")]
    lines = [[*start, "Ada", "call" if kind == "POINT" else "walk", "", modifier, kind, time, "a.mp4", "NA", "NA", ""]
             for kind, time, modifier in rows]  # fmt: skip
    path = tmp_path / "events.tsv"
    path.write_text("\r\n".join("\t".join(row) for row in [header, *lines]))
    assert found(path, tmp_path / "a", *ADA) == {"a": [("walk", 1, 10)], "b": [("walk", 0, 1.5), ("call", 1, 1)]}
    entry = json.loads((tmp_path / "a" / "annotations.json").read_text())["database"]["a"]
    assert entry["duration"] == 10 and entry["fps"] == 25 and entry["annotations"][0]["modifiers"] == "fast"
    path.write_text(
        "\r\n".join("\t".join(row) for row in [header, lines[0], lines[1], lines[1][:-1], lines[2], lines[2]])
    )
    text = refused(path, tmp_path / "b", *ADA)
    assert "line 4: 18 cells" in text and "line 6: 'walk' at 12 s stops, but has not started" in text


def test_an_aggregated_event_without_end(tmp_path):
    header = "Observation id,Media file name,Subject,Behavior,Behavior type,Start (s),Stop (s)\n"
    path = tmp_path / "a.csv"
    path.write_text(f"{header}o,a.mp4,Ada,walk,STATE,1.0,NA\no,a.mp4,Ada,walk,STATE,3.0,2.0\n")
    text = refused(path, tmp_path / "a")
    assert "line 2: the state event 'walk' starts at 1.0 s and does not stop" in text
    assert "line 3: 'walk' from 3 to 2 s ends before it starts" in text


def test_predictions_come_back_into_a_project(tmp_path):
    """Nothing of the project changes; overlapping detections of a label get subjects of their own."""
    into = boris(tmp_path / "a.boris", {"o": observation([(1, "Ada", "walk"), (2, "Ada", "walk")], ("/v/day1.mp4",))})
    items = [
        {"label": "walk", "segment": [1.0, 4.0], "confidence": 0.9},
        {"label": "walk", "segment": [2.0, 3.0], "confidence": 0.25},
    ]
    items += [{"label": "hop", "segment": [2.0, 2.5], "confidence": 0.5}]
    drawn.write(tmp_path / "found", {"day1": items})
    out = drawn.export(tmp_path / "found", "boris", tmp_path / "out.boris", "--into", str(into), "--name", "net")
    before, after = json.loads(into.read_text()), json.loads(out.read_text())
    assert after["observations"]["o"] == before["observations"]["o"]
    assert list(after["behaviors_conf"].values())[:3] == list(before["behaviors_conf"].values())
    assert after["behaviors_conf"]["3"]["code"] == "hop" and after["behaviors_conf"]["3"]["type"] == "State event"
    added = after["observations"]["day1 (net)"]
    assert added["file"] == {"1": ["/v/day1.mp4"]} and added["events"] == [
        [1.0, "net", "walk", "", "confidence 0.9"],
        [2.0, "net", "hop", "", "confidence 0.5"],
        [2.0, "net (overlap 2)", "walk", "", "confidence 0.25"],
        [2.5, "net", "hop", "", ""],
        [3.0, "net (overlap 2)", "walk", "", ""],
        [4.0, "net", "walk", "", ""],
    ]
    again = drawn.load(out, tmp_path / "again", "--observation", "day1 (net)", "--subject", "net")
    assert again["day1"] == sorted(({**item, "subject": "net"} for item in items), key=drawn.order)
    command = [str(tmp_path / "found"), "--to", "boris", "--into", str(out), "--name", "net", "--output"]
    with pytest.raises(UserError, match="the observation 'day1 \\(net\\)' exists already; --overwrite replaces it"):
        export_labels.main([*command, str(tmp_path / "third.boris")])
    assert export_labels.main([*command, str(tmp_path / "third.boris"), "--overwrite"]) == 0


def test_a_label_is_a_point_or_a_state(tmp_path):
    drawn.write(tmp_path / "found", {"day1": [{"label": "a", "segment": [1, 1]}, {"label": "a", "segment": [2, 3]}]})
    with pytest.raises(UserError, match="'a' is a point event here and a state event there"):
        export_labels.main([str(tmp_path / "found"), "--to", "boris", "--output", str(tmp_path / "a.boris")])
    assert not (tmp_path / "a.boris").exists()


def test_rows_of_version_8_without_a_header(tmp_path):
    rows = "o,Media file,player #1:/v/a.mp4,0.0,9.000,25.000,No focal subject,walk,,STATE,0.000,0.440,0.440,a.mp4,,\n"
    path = tmp_path / "a.csv"
    path.write_text(rows * 2)
    with pytest.raises(UserError, match="line 1: no header above rows of BORIS 8; .* export the table again"):
        import_labels.main([str(path), "--output", str(tmp_path / "out")])


def test_kinds_that_boris_does_not_have(tmp_path):
    path = boris(tmp_path / "a.boris", {"o": observation([(1, "Ada", "walk"), (2, "Ada", "walk")])})
    project = json.loads(path.read_text())
    next(one for one in project["behaviors_conf"].values() if one["code"] == "walk")["type"] = "Foo event"
    path.write_text(json.dumps(project))
    with pytest.raises(UserError, match="event 1: the behaviour 'walk' is of no known type; expected a state event"):
        import_labels.main([str(path), "--output", str(tmp_path / "out")])
    project["observations"]["o"]["file"] = "a.mp4"
    path.write_text(json.dumps(project))
    with pytest.raises(UserError, match="its media are 'a.mp4'"):
        import_labels.main([str(path), "--output", str(tmp_path / "out")])


def test_media_of_several_players_and_a_medium_that_comes_twice(tmp_path, capsys):
    events = [(1, "Ada", "walk"), (2, "Ada", "walk")]
    path = boris(tmp_path / "a.boris", {"o": observation(events, file={"1": ["day1.mp4"], "2": ["side.mp4"]})})
    assert found(path, tmp_path / "a") == {"day1": [("walk", 1, 2)]}
    assert "observation 'o': players 1, 2 have media; the video is 'day1.mp4' (--media)" in capsys.readouterr().out
    assert found(path, tmp_path / "b", "--media", "2") == {"side": [("walk", 1, 2)]}
    assert "have media" not in capsys.readouterr().out
    lengths = {"day1.mp4": 1.5}
    path = boris(tmp_path / "b.boris", {"o": observation(events, media=("day1.mp4", "day1.mp4"), lengths=lengths)})
    assert "'o' has the video 'day1' 2 times among its media; a video is labelled once" in refused(path, tmp_path / "c")
