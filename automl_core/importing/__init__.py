"""Old results of other tools brought into a model storage path, where ``search.transfer`` finds them.

What another tool wrote is read without it: Optuna's SQLite file and journal (`optuna`), a table in CSV (`table`). Both
give an `OldStudy`, which is fitted to a goal and a space (`fitting`) and written as a run that has ended (`writing`).
"""
