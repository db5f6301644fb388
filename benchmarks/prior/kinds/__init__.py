"""The kinds of synthetic series: each function draws `(count, length)` values at once."""
