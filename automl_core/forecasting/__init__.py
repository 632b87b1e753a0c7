"""The training program for series: panels, learners, rolling origins, ensembles, intervals; in the trial's process."""
