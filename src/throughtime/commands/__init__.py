"""The command line: one module for each command.

Begin with `app.py` (the list of commands), then `forecast.py`. Options that several commands
share are declared in `options.py`, every other option in the signature of its command. Signals
and exit statuses are in `signals.py` and `exit_status.py`. Imports every other room.
"""
