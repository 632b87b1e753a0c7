"""One program a system: ``python SYSTEM.py JOB.json`` reads a job, trains within its limit, writes predictions.

A program runs in its system's own environment and imports nothing of this repository (ours apart). The job names
``train`` and ``test`` (csv), ``task``, ``target``, ``metric``, ``seconds``, ``cores``, ``classes``, ``out`` (npz:
``outputs``) and ``folder`` for the model.
"""
