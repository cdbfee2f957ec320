"""The page of a report in a real browser: it runs without an error, sorts, filters and fits the window."""

import json
import statistics

import numpy as np
import pytest

from tests.reporting import browser, workdirs

pytestmark = browser.needed
NAMES = ("background", 'pour "it"', "</script><b>stir</b>", "Käse & ✂", "rare")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Address of the report of two systems with two seeds each on twelve videos; "rare" is in one of them."""
    folder = tmp_path_factory.mktemp("page")
    truth = workdirs.make_truth(3, num_videos=11, prefix="<video>") | {"a rare one": np.repeat([0, 1, 4, 2], 20)}
    paths = []
    for system, share in ((0, 0.15), (1, 0.5)):
        for seed in (0, 1):
            generator = np.random.default_rng([system, seed])
            predictions = {key: workdirs.corrupt(generator, labels, share) for key, labels in truth.items()}
            path = folder / f"{system}{seed}"
            workdirs.make_run(path, truth, predictions, name=f"system{system}", seed=seed, class_names=NAMES)
            paths.append(path)
    workdirs.write_report(paths, folder / "out")
    return (folder / "out" / "report.html").as_uri()


def videos(page):
    return page.evaluate("[...document.querySelectorAll('.video')].map((card) => card.dataset.video)")


def data_of(page):
    return json.loads(page.evaluate("document.getElementById('data').textContent"))


def status(page):
    return page.evaluate("document.getElementById('status').textContent")


def choose(page, control, value):
    page.evaluate(
        f"(() => {{ const control = document.getElementById('{control}'); control.value = {json.dumps(value)};"
        "control.dispatchEvent(new Event('change')); })()"
    )
    page.settle()


def scores(data, metric="F1@0.50"):
    place = data["metrics"].index(metric)
    return {video["id"]: [run["scores"][place] for run in video["runs"].values()] for video in data["videos"]}


@pytest.mark.parametrize("width, height", [browser.DESKTOP, browser.PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_the_window_and_draws(address, width, height, dark):
    with browser.Page(width, height, dark=dark) as page:
        page.open(address)
        assert page.problems == [] and page.requests == [address]
        assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
        assert status(page) == "12 videos." and len(videos(page)) == 12
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, colour[4:-1].split(","))) < 150) == dark
        page.show("#timelines")
        first = page.evaluate("document.querySelectorAll('.video:first-child .strip').length")
        assert first == 5  # the truth and four runs
        outside = "[...document.querySelectorAll('section, .strip, .chip, select')].filter((one) =>"
        assert page.evaluate(f"{outside} one.getBoundingClientRect().right > innerWidth + 1).length") == 0
        assert page.problems == []


def test_strips_show_the_segments(desktop, address):
    desktop.open(address)
    data = data_of(desktop)
    first = videos(desktop)[0]
    video = next(video for video in data["videos"] if video["id"] == first)
    desktop.show(".video")
    drawn = desktop.evaluate(
        "[...document.querySelectorAll('.video:first-child .strip')].map((strip) => [...strip.children].map((one) =>"
        "[Number(one.dataset.class), one.getBoundingClientRect().width / strip.getBoundingClientRect().width]))"
    )
    for strip, flat in zip(drawn, [video["true"], *(run["segments"] for run in video["runs"].values())], strict=True):
        assert [label for label, _ in strip] == flat[::2]
        widths = [width for _, width in strip]
        np.testing.assert_allclose(widths, np.array(flat[1::2]) / video["frames"], atol=1e-3)


def test_sorting(desktop, address):
    desktop.open(address)
    found = scores(data_of(desktop))
    means = {name: statistics.fmean(values) for name, values in found.items()}
    assert [means[name] for name in videos(desktop)] == sorted(means.values())
    choose(desktop, "sort", "best")
    assert [means[name] for name in videos(desktop)] == sorted(means.values(), reverse=True)
    choose(desktop, "sort", "difference")
    spans = [max(found[name]) - min(found[name]) for name in videos(desktop)]
    assert spans == sorted(spans, reverse=True)
    choose(desktop, "sort", "name")
    assert videos(desktop) == sorted(found)
    assert "sort=name" in desktop.evaluate("location.hash")


def test_the_score_decides_what_is_worst(desktop, address):
    desktop.open(address)
    data = data_of(desktop)
    choose(desktop, "score", str(data["metrics"].index("Edit")))
    edits = {name: statistics.fmean(values) for name, values in scores(data, "Edit").items()}
    assert [edits[name] for name in videos(desktop)] == sorted(edits.values())
    assert "Edit" in desktop.evaluate("document.querySelector('.video small').textContent")


def test_the_class_filter_dims_the_others_and_leaves_out_videos(desktop, address):
    desktop.open(address)
    desktop.click("#class-chips .chip:nth-child(5)")
    assert videos(desktop) == ["a rare one"]
    assert status(desktop) == "1 of 12 videos with rare; the other classes are dimmed."
    desktop.show(".video")
    dimmed = "[...document.querySelectorAll('.strip rect')].filter((one) => one.classList.contains('dim'))"
    shown = "[...document.querySelectorAll('.strip rect')].filter((one) => !one.classList.contains('dim'))"
    assert desktop.evaluate(f"{shown}.every((one) => one.dataset.class === '4')")
    assert desktop.evaluate(f"{dimmed}.length") > 3 and desktop.evaluate(f"{shown}.length") >= 1
    assert desktop.evaluate(f"getComputedStyle({dimmed}[0]).opacity") == "0.1"
    desktop.click("#clear")
    assert status(desktop) == "12 videos." and desktop.evaluate(f"{dimmed}.length") == 0


def test_what_is_chosen_stands_in_the_address(desktop, address):
    desktop.open(f"{address}#sort=name&classes=4&runs=0,2&errors=1&score=Edit")
    assert videos(desktop) == ["a rare one"]
    assert desktop.evaluate("document.getElementById('errors').checked")
    pressed = "[...document.querySelectorAll('#run-chips .chip')].map((one) => one.ariaPressed)"
    assert desktop.evaluate(pressed) == ["true", "false", "true", "false"]
    desktop.show(".video")
    assert desktop.evaluate("document.querySelectorAll('.video .strip').length") == 3
    desktop.open(f"{address}#sort=nonsense&classes=99,x&runs=7&score=no")
    assert status(desktop) == "12 videos."


def test_runs_can_be_left_out_but_not_all(desktop, address):
    desktop.open(address)
    for number in (1, 2, 3):
        desktop.click(f"#run-chips .chip:nth-child({number})")
    found = {name: values[3] for name, values in scores(data_of(desktop)).items()}
    assert [found[name] for name in videos(desktop)] == sorted(found.values())
    desktop.click("#run-chips .chip:nth-child(4)")
    pressed = desktop.evaluate("document.querySelectorAll('#run-chips [aria-pressed=true]').length")
    assert pressed == 4


def test_finding_a_video(desktop, address):
    desktop.open(address)
    desktop.evaluate("document.getElementById('find').focus()")
    desktop.call("Input.insertText", text="RARE")
    desktop.settle()
    assert videos(desktop) == ["a rare one"]
    desktop.call("Input.insertText", text="xyz")
    desktop.settle()
    assert videos(desktop) == [] and status(desktop) == "No video fits what was chosen."


def test_a_pointer_tells_class_and_times(desktop, address):
    desktop.open(f"{address}#sort=name&classes=4")
    desktop.show("article.video")  # what is out of sight is not drawn
    x, y = desktop.centre(".row.truth .strip")
    width = desktop.evaluate("document.querySelector('.strip').getBoundingClientRect().width")
    desktop.settle()
    desktop.mouse("mouseMoved", x + 0.125 * width, y)  # frame 50 of 80: the third segment
    text = desktop.evaluate("document.getElementById('tip').innerText")
    assert text.startswith("rare") and "4.0 s – 6.0 s (2.0 s)" in text and "ground truth" in text
    assert "system1 · seed 0" in text
    desktop.mouse("mouseMoved", 5, 5)
    assert desktop.evaluate("document.getElementById('tip').hidden")


def test_the_keyboard_reaches_everything(desktop, address):
    desktop.open(f"{address}#sort=name&classes=4")
    desktop.evaluate("document.getElementById('clear').focus()")
    desktop.key("Tab")
    assert desktop.evaluate("document.activeElement.className") == "strips"
    told = "document.getElementById('announce').textContent"
    desktop.key("ArrowRight")
    assert desktop.evaluate(told) == "ground truth: background, 0.0 s – 2.0 s (2.0 s)"
    desktop.key("ArrowRight")
    desktop.key("ArrowRight")
    assert desktop.evaluate(told) == "ground truth: rare, 4.0 s – 6.0 s (2.0 s)"
    desktop.key("ArrowDown")
    assert desktop.evaluate(told).startswith("system0 · seed 0: ")
    desktop.key("Escape")
    assert desktop.evaluate("document.getElementById('tip').hidden")
    desktop.evaluate("document.querySelector('#class-chips .chip').focus()")
    desktop.key(" ")
    assert "2 of 5 chosen" in desktop.evaluate("document.getElementById('class-count').textContent")


def test_errors_are_marked_where_prediction_and_truth_differ(desktop, address):
    desktop.open(f"{address}#sort=name&errors=1")
    desktop.show(".video")
    video = data_of(desktop)["videos"][0]
    true = np.repeat(video["true"][::2], video["true"][1::2])
    predicted = np.repeat(video["runs"]["3"]["segments"][::2], video["runs"]["3"]["segments"][1::2])
    marked = desktop.evaluate(
        "[...document.querySelectorAll('.video:first-child .row:nth-child(5) .error')].reduce((sum, one) =>"
        "sum + parseFloat(one.getAttribute('width')), 0)"
    )
    assert marked == pytest.approx(100 * np.mean(true != predicted), abs=0.01)


def test_the_table_of_classes_sorts_and_filters(desktop, address):
    desktop.open(address)
    names = "[...document.querySelectorAll('#class-table tbody th')].map((one) => one.innerText)"
    assert set(desktop.evaluate(names)) == set(NAMES[1:])
    desktop.click("#class-table th:nth-child(2) .sort")
    cells = "[...document.querySelectorAll('#class-table tbody td:nth-child(2)')]"
    column = f"{cells}.map((one) => parseFloat(one.innerText))"
    values = desktop.evaluate(column)
    assert values == sorted(values)
    desktop.click("#class-table th:nth-child(2) .sort")
    assert desktop.evaluate(column) == values[::-1]
    desktop.click("#class-table tbody [data-label='4']")
    assert videos(desktop) == ["a rare one"]
    assert desktop.evaluate("document.querySelector('#class-table [data-label=\"4\"]').ariaPressed") == "true"


@pytest.mark.parametrize("width", [375, 500, 800, 1280])
def test_the_table_of_classes_fits_and_its_bars_have_one_scale(tmp_path, width):
    names = ("background", "action10", "action2", "action1", "action11")
    truth = workdirs.make_truth(0, 2, num_classes=5)
    systems = {"a": truth, "a_system_with_quite_a_long_name": {key: np.roll(row, 5) for key, row in truth.items()}}
    paths = [
        workdirs.make_run(tmp_path / name, truth, predicted, name=name, class_names=names)
        for name, predicted in systems.items()
    ]
    workdirs.write_report(paths, tmp_path / "out")
    with browser.Page(width, 900) as page:
        page.open((tmp_path / "out" / "report.html").as_uri())
        shown = "[...document.querySelectorAll('#class-table tbody th')].map((one) => one.innerText.trim())"
        assert page.evaluate(shown) == ["action1", "action2", "action10", "action11"]
        bars = "[...document.querySelectorAll('#class-table td.bar')].map((one) => one.getBoundingClientRect().width)"
        widths = page.evaluate(bars)
        assert len(widths) == 8 and max(widths) - min(widths) < 1
        box = "document.querySelector('#classes .scroll')"
        assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0
        # One line: a word that is not broken.
        lines = "[...document.querySelectorAll('.sort')].find((one) => one.textContent === 'Difference')"
        assert page.evaluate(f"{lines}.getClientRects().length") == 1


def test_printing_shows_every_video_and_no_controls(desktop, address):
    desktop.open(address)
    desktop.evaluate("dispatchEvent(new Event('beforeprint'))")
    desktop.call("Emulation.setEmulatedMedia", media="print")
    assert desktop.evaluate("document.querySelectorAll('.video .strip').length") == 12 * 5
    assert desktop.evaluate("getComputedStyle(document.querySelector('.controls')).display") == "none"
    desktop.call("Emulation.setEmulatedMedia", media="")


def test_many_videos_are_drawn_only_where_one_looks(tmp_path):
    truth = workdirs.make_truth(0, num_videos=120)
    path = workdirs.make_run(tmp_path / "a", truth, truth)
    workdirs.write_report([path], tmp_path / "out")
    with browser.Page(*browser.DESKTOP) as page:
        page.open((tmp_path / "out" / "report.html").as_uri())
        drawn = "document.querySelectorAll('.video .strip').length"
        assert page.evaluate(drawn) <= 2 * 40
        page.show(".video:last-child")
        assert page.evaluate("document.querySelectorAll('.video:last-child .strip').length") == 2
        assert page.evaluate(drawn) <= 2 * 40 and page.problems == []
