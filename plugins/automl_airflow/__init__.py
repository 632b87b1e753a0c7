"""All of the product that knows Airflow: DAG factory, importer of experiment files, operators, triggers."""
