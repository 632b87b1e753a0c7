"""Tables: ours beside other systems, cold, on two cores and a minute, on data sets that packages ship."""
