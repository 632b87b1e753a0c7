#!/bin/bash
# Once before the others start: the volumes' owner, the database's tables, the user, the bucket.
set -euo pipefail

chown --recursive 50000:0 /opt/automl/runs /opt/airflow/logs /opt/airflow/auth
umask 077
python3 - <<'PYTHON'
import json, os
path = "/opt/airflow/auth/passwords.json"
with open(path, "w") as file:
    json.dump({"admin": os.environ["AIRFLOW_PASSWORD"]}, file)
os.chown(path, 50000, 0)
PYTHON
umask 022

run_as_airflow() { setpriv --reuid 50000 --regid 0 --clear-groups "$@"; }

export HOME=/home/airflow
run_as_airflow airflow db migrate
run_as_airflow python3 - <<'PYTHON'
import json, os
import boto3
connection = json.loads(os.environ["AIRFLOW_CONN_AUTOML_S3"])
client = boto3.client(
    "s3", endpoint_url=connection["extra"]["endpoint_url"], region_name=connection["extra"]["region"],
    aws_access_key_id=connection["login"], aws_secret_access_key=connection["password"],
)
names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
if "automl" not in names:
    client.create_bucket(Bucket="automl")
print("the bucket automl is there")
PYTHON
