"""Servers in a Kubernetes cluster: their objects as plain dicts, made and owned by us.

`plan` says what a model's file wants, `pods` and `objects` make it, `applying` puts it into a cluster and takes away
what is not wanted any more, `standing` and `causes` say how it is and why it is not ready. Nothing here knows Airflow.
"""
