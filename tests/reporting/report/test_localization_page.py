"""The page of a report on action localization in a real browser; what it shares with segmentation is tested there."""

import json

import numpy as np
import pytest

from tests.reporting import browser, workdirs
from tests.reporting import localization_workdirs as made

pytestmark = browser.needed
BARS = "[...document.querySelectorAll('.video:first-child .row:nth-child({row}) [data-item]')]"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of the report of two systems, one with two seeds, on twelve videos; the first has the class "rare"."""
    folder = tmp_path_factory.mktemp("page")
    truth = made.make_truth(3, num_videos=12)
    segments, labels = truth["video_0"]
    truth["video_0"] = segments, np.where(np.arange(len(labels)) == 5, 3, labels)
    paths = []
    for system, seed, noise in (("a", 0, 1.0), ("a", 1, 1.0), ("a_much_longer_name_of_a_system", 0, 4.0)):
        found = made.detect([seed, int(noise)], truth, noise)
        path = folder / f"{system}_{seed}"
        names = (*made.CLASS_NAMES, "rare")
        paths.append(made.make_run(path, truth, found, name=system, seed=seed, class_names=names))
    workdirs.write_report(paths, folder / "out")
    return (folder / "out" / "report.html").as_uri()


def first_video(page):
    """What the data of the page has of the first video shown."""
    data = json.loads(page.evaluate("document.getElementById('data').textContent"))
    shown = page.evaluate("document.querySelector('.video').dataset.video")
    return next(video for video in data["videos"] if video["id"] == shown)


def in_time(flat):
    """(class, [start, end, lane, ...]) of a row as it is drawn."""
    return sorted(zip(flat[::2], flat[1::2], strict=True), key=lambda item: (item[1][0], item[1][2]))


def test_a_phone_at_night_shows_everything_within_its_width(address):
    with browser.Page(*browser.PHONE, dark=True) as page:
        page.open(address)
        page.show(".video")
        assert page.problems == [] and page.requests == [address]
        assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [375, 375]
        wide = "[...document.querySelectorAll('section, .strip, .chart svg, .legend, .pair td, .row')].filter((one) =>"
        beyond = "one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > 375"
        assert page.evaluate(f"{wide} {beyond}).length") == 0
        lines = "[...document.querySelectorAll('.chart > svg .line')].map((one) => getComputedStyle(one).color)"
        brightness = [sum(map(int, colour[4:-1].split(","))) for colour in page.evaluate(lines)]
        assert len(brightness) == 2 and min(brightness) > 300


def test_bars_lie_where_and_as_strong_as_the_detections(desktop, address):
    desktop.open(f"{address}#sort=name")
    desktop.show(".video")
    video = first_video(desktop)
    rows = [video["true"], *(run["segments"] for run in video["runs"].values())]
    assert len(rows) == 4
    for number, flat in enumerate(rows, 1):
        width = f"document.querySelector('.video:first-child .row:nth-child({number}) .strip').getBoundingClientRect()"
        drawn = desktop.evaluate(
            f"(() => {{ const box = {width}; return {BARS.format(row=number)}.map((bar) => {{"
            "const own = bar.getBoundingClientRect();"
            "return [Number(bar.dataset.class), (own.left - box.left) / box.width, own.width / box.width,"
            "(own.top - box.top) / 17, Number(bar.getAttribute('fill-opacity'))]; }); })()"
        )
        assert len(drawn) == len(flat) // 2
        for (label, left, width, top, strength), (wanted, item) in zip(drawn, in_time(flat), strict=True):
            start, end, lane = item[:3]
            assert label == wanted and int(top) == lane
            assert (left, width) == pytest.approx((start / 100, (end - start) / 100), abs=3e-3)
            assert strength == pytest.approx(1.0 if number == 1 else 0.15 + 0.85 * item[3], abs=1e-3)


def test_videos_are_sorted_by_their_scores_and_chosen_by_class(desktop, address):
    desktop.open(address)
    shown = "[...document.querySelectorAll('.video small')].map((one) => one.textContent)"
    values = [float(text.split("mAP@avg ")[1].split()[0]) for text in desktop.evaluate(shown)]
    assert len(values) == 12 and values == sorted(values)
    desktop.click("#class-table [data-label='3']")
    desktop.show(".video")
    assert first_video(desktop)["id"] == "video_0"
    status = desktop.evaluate("document.getElementById('status').textContent")
    assert "with rare; the other classes are dimmed" in status
    kinds = f"{BARS.format(row=1)}.map((bar) => [bar.dataset.class, bar.classList.contains('dim')])"
    assert {tuple(one) for one in desktop.evaluate(kinds)} >= {("3", False), ("0", True)}


def test_a_pointer_tells_score_and_overlaps(desktop, address):
    desktop.open(f"{address}#sort=name")
    desktop.show(".video")
    item = max(in_time(first_video(desktop)["runs"]["0"]["segments"]), key=lambda entry: entry[1][3])
    place = in_time(first_video(desktop)["runs"]["0"]["segments"]).index(item)
    selector = f".video:first-child .row:nth-child(2) [data-item='{place}']"
    middle = desktop.centre(selector)
    desktop.settle()  # scrolling hides what a pointer shows
    desktop.mouse("mouseMoved", *middle)
    text = desktop.evaluate("document.getElementById('tip').innerText")
    start, end, _, score, right = item[1]
    assert text.startswith((*made.CLASS_NAMES, "rare")[item[0]]) and f"score {score:.2f}" in text
    assert f"{'right' if right else 'wrong'} at tIoU 0.50" in text and "ground truth" in text and "a · seed 1" in text
    assert desktop.evaluate(f"document.querySelector({json.dumps(selector)}).classList.contains('here')")
    assert desktop.evaluate("document.querySelectorAll('.cursor').length") == 2 * 4
    desktop.mouse("mouseMoved", 5, 5)
    assert desktop.evaluate("document.getElementById('tip').hidden")
    assert desktop.evaluate("document.querySelectorAll('.here, .cursor').length") == 0


def test_wrong_detections_are_marked(desktop, address):
    desktop.open(f"{address}#sort=name&errors=1")
    desktop.show(".video")
    for number, run in enumerate(first_video(desktop)["runs"].values(), 2):
        marks = f"document.querySelectorAll('.video:first-child .row:nth-child({number}) .error').length"
        assert desktop.evaluate(marks) == sum(not item[-1] for item in run["segments"][1::2]) > 0
    assert desktop.evaluate("document.querySelectorAll('.row.truth .error').length") == 0
