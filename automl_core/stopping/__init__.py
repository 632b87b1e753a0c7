"""When an experiment stops, and when a trial is stopped early."""
