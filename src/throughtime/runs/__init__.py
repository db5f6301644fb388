"""A run on disk: its folder, and what its JSON and safetensors hold. Reading one runs no code.

Begin with `run_folder.py` (which files there are), then `forecast_record.py`. A network by
itself is written and read by `saved_network.py`. Imports the rooms from `errors` to `training`.
"""
