"""Reports and figures: a page for each kind of run, one file that works offline.

Begin with `page.py` (what all pages share) and `forecast_report.py`, then the figures:
`forecast_figures.py`, `error_figures.py` (errors and coverage by lead time),
`general_figures.py` (curves, training losses) and `dynamics_figures.py`, all in the style of
`figure_style.py`. The HTML is in `templates/`. Imports the rooms from `errors` to `tasks`.
"""
