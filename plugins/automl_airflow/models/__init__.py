"""The life of a model in Airflow: the DAGs of a model's file, and what their tasks do."""
