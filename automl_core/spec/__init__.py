"""The experiment file: its models, how it is read, and what is wrong with it in words."""
