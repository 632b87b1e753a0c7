"""Annotation projects in Airflow: the DAG of a project's file, the tasks of a round, what waits without a worker."""
