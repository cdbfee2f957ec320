import math

from fact_jax.reporting import tables


def test_no_row_gives_an_empty_table():
    assert tables.to_csv([]) == ""


def test_markdown_cells_cannot_break_the_table():
    assert tables.markdown_table([{"a|b": "c|d"}]) == ["| a\\|b |", "|---|", "| c\\|d |"]


def test_scores_up_to_one_have_four_decimals():
    _, _, line = tables.markdown_table([{"Acc": 91.234, "Tau": 0.98765, "Progress@1": -0.5}])
    assert line == "| 91.23 | 0.9877 | -0.5000 |"
    _, _, line = tables.markdown_table([{"score": "Tau of lift", "number": 3, "mean": 0.98765, "std": math.nan}])
    assert line == "| Tau of lift | 3 | 0.9877 | – |"
    _, _, line = tables.markdown_table([{"score": "Tau of lift (%)", "mean": 98.764}])
    assert line == "| Tau of lift (%) | 98.76 |"
