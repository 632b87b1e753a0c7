#!/bin/bash
# As the official image's: makes the database once from POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, then serves it.
set -euo pipefail
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
chown postgres:postgres "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    secret=$(mktemp)
    printf '%s' "$POSTGRES_PASSWORD" >"$secret"
    chown postgres "$secret"
    as_postgres initdb --username "$POSTGRES_USER" --pwfile "$secret" --encoding UTF8 --locale C.UTF-8 \
        --auth-host scram-sha-256 --auth-local trust --pgdata "$PGDATA"
    rm "$secret"
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    as_postgres pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses=''" --wait start
    [ "$POSTGRES_DB" = postgres ] || as_postgres createdb --username "$POSTGRES_USER" "$POSTGRES_DB"
    as_postgres pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D "$PGDATA" -c listen_addresses='*'
