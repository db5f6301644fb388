"""Pages and pictures: one page for each kind of run, each a single file that works offline.

Begin with `page.py` (what all pages share), then `forecast_report.py`; figures are in
`forecast_figures.py` and `dynamics_figures.py`, their style in `figure_style.py`. Imports the
rooms from `errors` to `tasks`.
"""
