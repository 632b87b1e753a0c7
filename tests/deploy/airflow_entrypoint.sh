#!/bin/bash
# As the official image's: bash and python are run as they are, anything else is a command of airflow's.
case "${1:-}" in
bash | python | python3) exec "$@" ;;
airflow) shift ;;
esac
exec airflow "$@"
