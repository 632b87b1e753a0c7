"""Training tasks in pods: the operator (a KubernetesPodOperator), its trigger, and what both need of Airflow."""
