"""Training tasks in MaxCompute: the operator, its trigger, and what both need of Airflow."""
