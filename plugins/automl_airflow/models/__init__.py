"""The life of a model in Airflow: its DAGs, their operators, and answers to what they ask."""
