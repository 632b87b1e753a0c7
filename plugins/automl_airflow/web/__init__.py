"""The web view's server side, in Airflow's API server: REST, live updates and acts. Imported by that process alone."""
