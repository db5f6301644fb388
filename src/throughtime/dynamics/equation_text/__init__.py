"""Equations as people write them: from text to a law that can be solved.

In order: `tokens`, `expressions`, `parser`, `isolate`, `roles`, `resolution`, `law`, `starts`,
`nonfinite`. `equations` puts them together.
"""
