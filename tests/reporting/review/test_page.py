"""The page for looking and correcting in a real browser, with videos that it plays."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fact_jax.app import review
from fact_jax.mp4 import write_mp4
from tests.reporting import browser
from tests.reporting.review import made

pytestmark = browser.needed
PHONE = (390, 844)
SHARED = Path(__file__).resolve().parents[4] / "shared/data/videos"
SEGMENTS = [(0, 20, "background", 0.9), (20, 32, "take cup", 0.4), (32, 50, made.NAMES[2], 0.75), (50, 60, "stir", 0.6)]


def write_page(folder, **told):
    lines = []
    review.of_folder(folder, None, told.get("videos", ()), told.get("way", "link"), lines.append)
    return (folder / "review.html").as_uri(), lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the prediction of one video of a varying rate, and its page."""
    folder = tmp_path_factory.mktemp("review")
    made.write_video(folder / "clip #1.mp4", made.varying_times())
    made.write_record(folder, "clip #1", made.labelled("clip #1", SEGMENTS, 60))
    write_page(folder, videos=[str(folder)])
    return folder


# At the width of a desktop and of a phone; what the width changes little runs on the phone with `-m slow`.
BOTH = pytest.mark.parametrize("opened", [browser.DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True)
SELDOM = [browser.DESKTOP, pytest.param(PHONE, marks=pytest.mark.slow)]
DESKTOP_FIRST = pytest.mark.parametrize("opened", SELDOM, ids=["desktop", "phone"], indirect=True)


@pytest.fixture(scope="module")
def opened(request):
    """A browser of a size."""
    with browser.Page(*request.param) as opened:
        yield opened


@pytest.fixture
def page(opened, folder, tmp_path):
    """The page as on a first visit."""
    opened.save_to(tmp_path)
    opened.visit((folder / "review.html").as_uri())
    opened.evaluate("localStorage.clear()")
    reload(opened, folder)
    yield opened
    assert opened.problems == []
    assert [one for one in opened.requests if not one.startswith(("file:", "blob:", "data:"))] == []


def show(page, address):
    page.visit(address)
    page.until("document.getElementById('video').hidden || document.getElementById('video').readyState > 1")
    still(page)


def still(page):
    page.until("!document.getElementById('video').seeking")
    page.settle()


def shown_frame(page):
    still(page)
    return made.number_in(page.pixels("#video"))


def shows(page, frame):
    """Whether a frame is shown, if need be a moment later: the picture comes to the screen after it was found."""
    for _ in range(20):
        if shown_frame(page) == frame:
            return True
    return False


def place(page, time):
    """Where a second lies on the corrected track of the timeline, in the window; below it is the confidence."""
    page.evaluate("document.getElementById('tracks').scrollIntoView({block: 'center'})")
    page.settle()
    left, bottom, width = page.evaluate(
        "(() => { const box = document.getElementById('tracks').getBoundingClientRect();"
        "return [box.left, box.bottom, box.width]; })()"
    )
    return left + width * time / 3.8, bottom - 80


def click(page, where):
    for kind in ("mousePressed", "mouseReleased"):
        page.mouse(kind, *where, button="left", clickCount=1)
    still(page)


def current(page):
    return page.evaluate("document.getElementById('video').currentTime")


def rows(page):
    texts = "[...document.querySelectorAll('#segment-rows .row')].map((row) => row.innerText.split('\\n').join('|'))"
    return page.evaluate(texts)


def choose(page, identifier, value):
    page.evaluate(
        f"(() => {{ const one = document.getElementById('{identifier}'); one.value = '{value}';"
        "one.dispatchEvent(new Event('change')); })()"
    )
    page.settle()


def saved(page, tmp_path):
    page.click("#save")
    path = tmp_path / "corrected_labels.csv"
    for _ in range(200):
        if path.exists() and path.stat().st_size:
            break
        page.settle()
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return text


@DESKTOP_FIRST
def test_a_click_shows_the_frame_that_is_shown_at_that_time(page):
    times = made.varying_times()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    for time in (0.1, 0.98, 1.28, 2.05, 3.7):
        click(page, place(page, time))
        frame = int(np.searchsorted(times, time, side="right")) - 1
        assert shows(page, frame) and current(page) == pytest.approx(times[frame], abs=1e-3)
    assert f"frame {frame}" in page.evaluate("document.getElementById('time').textContent")


@DESKTOP_FIRST
def test_arrow_keys_go_by_frames_and_by_segments(page):
    page.evaluate("document.getElementById('timeline').focus()")
    page.key("Home")
    for expected in (1, 2, 3):
        page.key("ArrowRight")
        assert shows(page, expected)
    page.key("ArrowLeft")
    assert shows(page, 2)
    page.key("ArrowDown")
    assert shows(page, 20)
    page.key("ArrowDown")
    assert shows(page, 32)
    page.key("ArrowUp")
    assert shows(page, 20)
    page.key("End")
    assert shows(page, 59)
    page.key("Home")
    for _ in range(12):
        page.key("ArrowRight", shift=True)
    assert shows(page, 59)


@BOTH
def test_corrections_are_saved_exactly(page, tmp_path):
    times = made.varying_times()
    assert page.evaluate("document.getElementById('save').disabled")
    # The edge at frame 20 (0.8 s) is dragged near frame 16.
    page.drag(place(page, 0.8), place(page, times[16] + 0.012))
    still(page)
    assert shows(page, 16)
    # The third segment gets another label from the menu.
    click(page, place(page, 2.0))
    choose(page, "label", "3")
    # The one behind it is split at frame 55, and the second part is given the most frequent class by its number.
    page.evaluate("document.activeElement.blur()")
    page.key("End")
    for _ in range(4):
        page.key("ArrowLeft")
    page.key("s")
    page.key("2")
    text = saved(page, tmp_path)
    assert text == (
        "video,start,end,label,confidence\n"
        "clip #1,0,0.64,background,\n"
        "clip #1,0.64,1.56,take cup,\n"
        "clip #1,1.56,3,stir,\n"
        "clip #1,3,3.4,stir,\n"
        "clip #1,3.4,3.8,take cup,\n"
    )


@DESKTOP_FIRST
def test_what_was_not_touched_keeps_its_confidence(page, tmp_path):
    click(page, place(page, 3.5))
    page.key("1")
    choose(page, "scope", "this")
    assert saved(page, tmp_path) == (
        "video,start,end,label,confidence\n"
        "clip #1,0,0.8,background,0.9\n"
        "clip #1,0.8,1.56,take cup,0.4\n"
        'clip #1,1.56,3,"pour, ""hot""",0.75\n'
        "clip #1,3,3.8,background,\n"
    )


@DESKTOP_FIRST
def test_undo_redo_and_an_earlier_visit(page, folder):
    before = rows(page)
    click(page, place(page, 2.0))
    page.key("Delete")
    deleted = rows(page)
    assert deleted != before and sum("background" in row for row in deleted) == 2
    page.key("m")
    assert len(rows(page)) == 3
    page.key("z", ctrl=True)
    page.key("z", ctrl=True)
    assert rows(page) == before and page.evaluate("document.getElementById('undo').disabled")
    page.key("y", ctrl=True)
    assert rows(page) == deleted
    assert "1 video not saved" in page.evaluate("document.getElementById('saving').textContent")
    page.dialogs.clear()
    reload(page, folder)
    assert page.dialogs == ["beforeunload"]
    assert sorted(rows(page)) == sorted(deleted)
    assert not page.evaluate("document.getElementById('restored').hidden")
    page.click("#forget")
    assert rows(page) == before


@DESKTOP_FIRST
def test_corrections_of_other_predictions_are_offered(page, folder, tmp_path):
    click(page, place(page, 2.0))
    page.key("Delete")
    deleted = rows(page)
    again = shutil.copytree(folder, tmp_path / "again")
    anew = [(0, 25, "background", 0.9), (25, 60, "stir", 0.8)]
    made.write_record(again, "clip #1", made.labelled("clip #1", anew, 60))
    made.write_record(again, "short", made.labelled("short", [(0, 9, "stir", 0.5)], 9, fps=10.0))
    write_page(again, videos=[str(again)])
    reload(page, again)
    predicted = rows(page)
    told = page.evaluate("document.getElementById('earlier').textContent")
    assert "Corrections of 1 video (clip #1) were made on other predictions" in told and len(predicted) == 2
    page.click("#take-earlier")
    assert sorted(row.split("|")[0] for row in rows(page)) == sorted(row.split("|")[0] for row in deleted)
    assert page.evaluate("document.getElementById('earlier').hidden")
    page.key("z", ctrl=True)
    assert rows(page) == predicted
    reload(page, folder)
    assert "(clip #1)" not in page.evaluate("document.getElementById('earlier').textContent")  # undone: none are left


@DESKTOP_FIRST
def test_corrections_of_another_video_of_the_same_name_cannot_be_taken(page, folder, tmp_path):
    click(page, place(page, 2.0))
    page.key("Delete")
    other = made.write_record(tmp_path / "o", "clip #1", made.labelled("clip #1", [(0, 9, "stir", 0.5)], 9, fps=10.0))
    write_page(other)
    reload(page, other)
    assert "of another length" in page.evaluate("document.getElementById('earlier').textContent")
    assert page.evaluate("document.getElementById('take-earlier').hidden")
    page.click("#drop-earlier")
    assert page.evaluate("localStorage.length") == 0


def reload(page, folder):
    show(page, (folder / "review.html").as_uri())


@DESKTOP_FIRST
def test_the_least_sure_come_first_and_keys_give_them(page):
    assert [row.split("|")[-1] for row in rows(page)] == ["0.40", "0.60", "0.75", "0.90"]
    page.key("u")
    assert shows(page, 20)
    page.key("u")
    assert shows(page, 50)
    choose(page, "sort", "time")
    assert [row.split("|")[0] for row in rows(page)] == [row[2] for row in SEGMENTS]


@DESKTOP_FIRST
def test_playing_in_slow_motion_stops_behind_the_segment(page):
    click(page, place(page, 0.9))
    choose(page, "rate", "2")
    page.click("#play-segment")
    page.until("document.getElementById('play').textContent === 'Play'")
    assert shows(page, 31)
    choose(page, "rate", "0.25")
    assert page.evaluate("document.getElementById('video').playbackRate") == 0.25


@DESKTOP_FIRST
def test_edges_and_new_segments_by_keyboard(page, tmp_path):
    click(page, place(page, 0.9))
    page.evaluate("document.getElementById('timeline').focus()")
    page.key("ArrowRight")
    page.key("ArrowRight")
    frame = shown_frame(page)
    page.key("[")
    page.key("Home")
    page.key("a")
    assert page.evaluate("document.activeElement.id") == "label"
    choose(page, "label", "new")
    assert page.evaluate("document.getElementById('naming').open")
    page.call("Input.insertText", text="wipe; ü")
    page.key("Enter")
    text = saved(page, tmp_path)
    start = made.varying_times()[frame]
    assert (
        text.splitlines()[1:4]
        == [
            f"clip #1,0,{min(1.0, start):g},wipe; ü,",
            *([f"clip #1,{start:g},1.56,take cup,"] if start < 1 else []),
            'clip #1,1.56,3,"pour, ""hot""",0.75',
        ][:3]
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [browser.DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_real_video_is_shown(tmp_path, size):
    if not SHARED.is_dir():
        pytest.skip("needs shared/data/videos")
    names = [("stand", 0, 100), ("wrestle", 100, 280)]
    segments = [(start, end, name, 0.5) for name, start, end in names]
    made.write_record(
        tmp_path, "mmaction2_demo", made.labelled("mmaction2_demo", segments, 280, names=("stand", "wrestle"))
    )
    address, _ = write_page(tmp_path, videos=[str(SHARED / "mmaction2_demo.mp4")])
    with browser.Page(*size) as page:
        show(page, address)
        page.key("ArrowDown")
        still(page)
        assert current(page) == pytest.approx(100 / 28, abs=0.01)
        assert page.evaluate("document.getElementById('video').videoWidth") > 0 and page.pixels("#video").std() > 20
        assert page.problems == []


@pytest.mark.slow
def test_thousands_of_segments_and_many_classes(tmp_path):
    names = tuple(f"action {number}" for number in range(40))
    cuts = np.linspace(0, 3 * 3600 * 30, 2001).astype(int)
    ends = zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    segments = [(*pair, names[place % 40], 0.5 + place / 5000) for place, pair in enumerate(ends)]
    made.write_record(tmp_path, "hours", made.labelled("hours", segments, int(cuts[-1]), names=names, fps=30.0))
    address, _ = write_page(tmp_path)
    with browser.Page(*browser.DESKTOP) as page:
        show(page, address)
        assert page.evaluate("document.querySelectorAll('.row').length") < 40
        assert page.evaluate("document.getElementById('segments').getAttribute('role')") == "listbox"
        taken = page.evaluate(
            "new Promise((done) => { const began = performance.now(); let left = 20; const next = () => {"
            "document.getElementById('zoom-in').click(); left -= 1;"
            "if (left) requestAnimationFrame(next); else done((performance.now() - began) / 20); }; next(); })"
        )
        assert taken < 200
        for _ in range(12):
            page.click("#zoom-in")
        page.click("#fit")
        page.evaluate("document.getElementById('segments').scrollTop = 1e9")
        page.settle()
        assert "0.90" in rows(page)[-1] and page.problems == []


def test_detections_have_a_least_score_and_move_alone(tmp_path):
    made.write_video(tmp_path / "clip.mp4", np.arange(60) / 20)
    found = [(0.2, 1.4, "pour", 0.9), (0.5, 2.0, "stir", 0.6), (1.0, 2.5, "pour", 0.2)]
    made.write_record(tmp_path, "clip", made.detected("clip", found, 3.0))
    address, _ = write_page(tmp_path, videos=[str(tmp_path / "clip.mp4")])
    (tmp_path / "saved").mkdir()
    with browser.Page(*browser.DESKTOP) as page:
        page.save_to(tmp_path / "saved")
        show(page, address)
        assert len(rows(page)) == 3
        page.evaluate(
            "(() => { const one = document.getElementById('threshold'); one.value = '0.5';"
            "one.dispatchEvent(new Event('input')); })()"
        )
        page.settle()
        assert len(rows(page)) == 2 and "1 below the least score" in page.evaluate("document.body.innerText")
        page.key("ArrowDown")
        page.key("ArrowDown")
        page.evaluate("document.getElementById('end').value = '2.62'")
        choose(page, "end", "2.62")
        assert saved(page, tmp_path / "saved") == (
            "video,start,end,label,confidence\nclip,0.2,1.4,pour,0.9\nclip,0.5,2.6,stir,\n"
        )
        assert page.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("way", ["link", "transcode"])
def test_videos_that_browsers_do_not_play(tmp_path, way):
    if not SHARED.is_dir():
        pytest.skip("needs shared/data/videos")
    shutil.copy(SHARED / "mmaction2_test.avi", tmp_path)
    made.write_record(tmp_path, "mmaction2_test", made.labelled("mmaction2_test", [(0, 164, "stir", 0.5)], 164))
    address, lines = write_page(tmp_path, videos=[str(tmp_path / "mmaction2_test.avi")], way=way)
    with browser.Page(*browser.DESKTOP) as page:
        page.open(address)
        if way == "link":
            page.until("!document.getElementById('message').hidden")
            text = page.evaluate("document.querySelector('.watch').innerText")
            assert "AVI" in text and "--page_videos transcode" in text
        else:
            page.until("document.getElementById('video').readyState > 1")
            assert page.problems == [] and any("H.264" in line for line in lines)


@pytest.mark.slow
def test_a_browser_that_shows_another_frame_is_told_on(tmp_path):
    frames = (np.ascontiguousarray(made.picture(number)) for number in range(60))
    write_mp4(tmp_path / "clip.mp4", frames, made.varying_times(), (made.HEIGHT, made.WIDTH))
    made.write_record(tmp_path, "clip", made.labelled("clip", [(0, 32, "stir", 0.5), (32, 60, "background", 0.5)], 60))
    address, _ = write_page(tmp_path, videos=[str(tmp_path / "clip.mp4")])
    with browser.Page(*browser.DESKTOP) as page:
        show(page, address)
        page.key("ArrowDown")
        assert shows(page, 32) and page.evaluate("document.getElementById('other-frame').hidden")
        page.key("ArrowLeft")
        still(page)
        told = page.evaluate("document.getElementById('other-frame').innerText")
        assert shows(page, 31) or "shows frame 32 here, not 31" in told
