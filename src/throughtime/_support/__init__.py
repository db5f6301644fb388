"""What every room stands on: atomic files, integrity digests, precision, seeds, memory.

Nothing here knows of networks or series. Begin with `atomic.py` (a file is whole or not there)
and `seeds.py` (random numbers from a seed). Imports `errors` only.
"""
