"""What training programs share: configuration, tables, measures, checkpoints, predictions.

The programs of ``templates/`` stand on it, and so can a program of one's own. It runs in the trial's environment, so it
knows no Airflow, no study and no search, and what it needs beside numpy (PyArrow) is imported when it is used. Nothing
here is a pickle: arrays lie in ``.npz`` files, everything else is JSON.
"""
