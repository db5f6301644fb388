"""Shared foundations: atomic files, digests, precision, seeds, memory, versions, caching.

Nothing here knows of networks or series. Begin with `atomic.py` (a file is whole or absent)
and `seeds.py` (random numbers from a seed). Imports `errors` only.
"""
