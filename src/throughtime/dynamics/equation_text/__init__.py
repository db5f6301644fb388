"""Equations as people write them: from text to a law that can be solved.

In order: `latex`, `tokens`, `expressions`, `operators`, `applied`, `parser`, `isolate`,
`roles`, `advice`, `side_by_side`, `resolution`, `law`, `unused`, `echo`, `starts`, `nonfinite`.
`equations` puts them together.
"""
