"""Neighbours: networks of this package inside other libraries, each imported only when used.

Begin with `scikit_learn.py`, sequences to classes or numbers. Imports `errors`, `_support`,
`data`, `recurrence` and `training`.
"""
