from fact_jax.reporting import tables


def test_no_row_gives_an_empty_table():
    assert tables.to_csv([]) == ""


def test_markdown_cells_cannot_break_the_table():
    assert tables.markdown_table([{"a|b": "c|d"}]) == ["| a\\|b |", "|---|", "| c\\|d |"]
