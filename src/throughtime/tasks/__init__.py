"""Long-range tasks, and the four effective ways to learn a recurrent network.

Begin with `long_range.py` (the tasks), then `recipes.py` (the four ways) and `learn.py` (one
way on one task); `compare.py` tries the four ways on a series. Imports the rooms from `errors`
to `dynamics`.
"""
