"""Labels by people in a Label Studio: a project, its tasks, and the annotations back by asking for them.

`Studio` (in `studio`) is what others use. Files of projects read `configuration` while DAGs are parsed, so nothing is
imported here: the HTTP client comes with `server`.
"""
