"""From a file or a data frame to columns of values, whatever wrote it.

Begin with `sources.py` (what can be read), then `files.py` and `text_tables.py`: encodings,
`dialect.py` (separator, decimal sign, quotes), `layout.py` (where header and rows are). Cells:
`number_forms.py`, `missing_codes.py`, `column_types.py`. Imports `errors` and `_support`.
"""
