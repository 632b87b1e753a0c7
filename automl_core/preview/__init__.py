"""What an experiment will be, before it runs: checks that need the search, and its size, time and cost."""
