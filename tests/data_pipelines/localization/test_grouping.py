"""Problems that many videos have alike are told once."""

from data_pipelines.core.problems import Problem
from data_pipelines.localization.grouping import group_videos


def test_the_same_problem_of_many_videos_is_one():
    same = [Problem("f", 0, f"video 'v{number}': no fps", "state them") for number in range(5)]
    other = Problem("f", 3, "doubled")
    assert group_videos([same[0], other, *same[1:]]) == [
        Problem("f", 0, "no fps, in 5 videos such as 'v0'", "state them"), other
    ]  # fmt: skip
    assert group_videos([*same[:3], other]) == [*same[:3], other]


def test_of_many_with_the_same_remedy_the_first_are_told():
    alike = [Problem("f", 0, f'video "v\'{number // 2}": starts at -{number}', "seconds") for number in range(20)]
    other = Problem("f", 0, "video 'x': another", "another")
    more = Problem("f", 0, "17 more problems like these, of 10 videos in all", "seconds")
    assert group_videos([*alike, other]) == [*alike[:3], more, other]
    assert group_videos([*alike[:10], other]) == [*alike[:10], other]
