"""Training tasks in pods: names, manifests, the watching of many pods at once, and what their ends mean.

Knows no Airflow. Pods are plain JSON here, as the API server gives them.
"""
