"""Entry point of `--mode report`."""

import pathlib

from fact_jax import files
from fact_jax.reporting import tables
from fact_jax.reporting.report import groups as grouping
from fact_jax.reporting.report import markdown, means, page, rows, runs, statistics
from fact_jax.types import UserError


def write_report(workdirs, output, kinds, say=print):
    """Gathers finished runs into one report; `say` is called with every line meant for the user.

    Args:
      workdirs: folders of finished runs of one dataset; seeds and splits of one config form one line of the tables.
      output: folder of the report, created. Gets report.md, report.html, report.csv (scores of the groups) and
        report_{runs,classes,means,videos,differences}.csv, and the further tables of the kind.
      kinds: ReportKind by the name of a system.

    Raises:
      UserError: names everything that keeps the runs from being compared, or that the output cannot be written.
    """
    output = pathlib.Path(output)
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file, expected a folder.")
    found = runs.read_runs(workdirs, kinds)
    groups = grouping.group_runs(found)
    notes = runs.notes(found) + grouping.coverage(groups)
    differences = statistics.differences(groups)
    texts = {
        "report.md": markdown.report_markdown(groups, differences, notes, means.markdown_lines(groups)),
        "report.csv": tables.to_csv(rows.score_rows(groups)),
        "report_runs.csv": tables.to_csv(rows.run_rows(groups)),
        "report_classes.csv": tables.to_csv(rows.class_rows(groups)),
        "report_means.csv": tables.to_csv(means.csv_rows(groups)),
        "report_videos.csv": tables.to_csv(rows.video_rows(groups)),
        "report_differences.csv": tables.to_csv(rows.difference_rows(differences)),
        **{name: tables.to_csv(table) for name, table in groups[0].kind.more_tables(groups).items()},
        "report.html": page.report_page(groups, differences, notes, output),
    }
    try:
        # A report of runs of another kind may have been here.
        for name in {name for kind in kinds.values() for name in kind.table_names} - texts.keys():
            (output / name).unlink(missing_ok=True)
        for name, text in texts.items():
            files.atomic_write_text(output / name, text)
    except OSError as error:
        raise UserError(f"--output {output} cannot be written to: {error.strerror}.") from error
    for note in notes:
        say(f"note: {note}")
    for line in tables.markdown_table(markdown.summary_rows(groups)):
        say(line)
    say(f"wrote {', '.join(texts)} to {output}; open {output / 'report.html'} in a browser")
