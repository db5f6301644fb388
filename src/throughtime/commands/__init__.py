"""The command line: one module for each command.

Begin with `app.py` (all commands), then `forecast.py`; options that commands share are in
`options.py`, exit statuses in `exit_status.py`. May import every other room.
"""
