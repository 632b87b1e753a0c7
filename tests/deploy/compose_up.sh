#!/bin/bash
# Brings docker-compose.yaml up for real, runs the example in it through REST to its end, and takes it down again.
# Needs docker, a docker-compose of version 2 (COMPOSE=…), and the images (tests/deploy/base_images.sh makes stand-ins).
#   tests/deploy/compose_up.sh [EXPERIMENT]
set -euo pipefail
cd "$(dirname "$0")/../.."
compose=${COMPOSE:-docker compose}
experiment=${1:-digits_on_s3}
export COMPOSE_PROJECT_NAME=automl-check AIRFLOW_PORT=${AIRFLOW_PORT:-18080}
environment=$(mktemp --suffix .env) && rm "$environment"
python3 deploy/compose/make_env.py "$environment"
run() { $compose --env-file "$environment" "$@"; }
trap 'run logs --tail 40 >compose-check.log 2>&1 || true; run down --volumes --timeout 20; rm -f "$environment"' EXIT

run up --detach
url=http://127.0.0.1:$AIRFLOW_PORT
password=$(sed -n 's/^AIRFLOW_PASSWORD=//p' "$environment")
python3 tests/deploy/run_through_rest.py "$url" "$password" "$experiment"
run ps
