#!/bin/bash
# Stand-ins for the images that docker-compose.yaml and the Dockerfile name, where no registry can be reached: made with
# debootstrap from Debian 12 and from PyPI, tagged as what they stand for, and with the same user, folders and entry
# points as far as these files use them. Needs root, docker and debootstrap. FOLDER keeps the root file system.
#   tests/deploy/base_images.sh FOLDER
set -euo pipefail
folder=${1:?which folder may be used?}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
airflow=$(sed -n 's/^apache-airflow==\([0-9.]*\).*/\1/p' "$root/requirements.txt" | head -1)
moto=$(sed -n 's#.*motoserver/moto:\([0-9.]*\)}.*#\1#p' "$root/docker-compose.yaml")

if [ ! -e "$folder/rootfs/.ready" ]; then
    debootstrap --variant=minbase \
        --include=python3,python3-venv,ca-certificates,dumb-init,curl,postgresql,libpq5,util-linux \
        bookworm "$folder/rootfs"
    touch "$folder/rootfs/.ready"
fi
mkdir -p "$folder/context"
# what this machine trusts and how it reaches PyPI, the images need too while they are built
cp /etc/ssl/certs/ca-certificates.crt "$folder/context/ca.crt"
docker image inspect automl-check/debian:12 >/dev/null 2>&1 ||
    tar --directory "$folder/rootfs" --create . | docker import - automl-check/debian:12

build() { docker build --quiet --network host --tag "$1" --file - "$folder/context"; }

cp "$root/requirements.txt" "$folder/context/"
install --mode 755 "$here/airflow_entrypoint.sh" "$here/postgres_entrypoint.sh" "$folder/context/"

build "apache/airflow:$airflow-python3.11" <<DOCKERFILE
FROM automl-check/debian:12
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
RUN useradd --uid 50000 --gid 0 --create-home airflow && mkdir -p /opt/airflow && chown airflow:0 /opt/airflow
ENV AIRFLOW_HOME=/opt/airflow PATH=/home/airflow/.venv/bin:/usr/local/bin:/usr/bin:/bin PIP_ROOT_USER_ACTION=ignore
USER 50000:0
COPY requirements.txt /tmp/
RUN python3 -m venv /home/airflow/.venv && \
    pip install --no-cache-dir "apache-airflow[postgres,cncf-kubernetes]==$airflow" --constraint /tmp/requirements.txt
COPY airflow_entrypoint.sh /entrypoint
WORKDIR /opt/airflow
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
DOCKERFILE

build postgres:15 <<DOCKERFILE
FROM automl-check/debian:12
ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
COPY postgres_entrypoint.sh /entrypoint
RUN mkdir -p "\$PGDATA" /run/postgresql && chown postgres:postgres "\$PGDATA" /run/postgresql
VOLUME /var/lib/postgresql/data
EXPOSE 5432
ENTRYPOINT ["/entrypoint"]
STOPSIGNAL SIGINT
DOCKERFILE

build "motoserver/moto:$moto" <<DOCKERFILE
FROM automl-check/debian:12
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/moto && /opt/moto/bin/pip install --no-cache-dir "moto[server,s3]==$moto"
EXPOSE 5000
ENTRYPOINT ["/opt/moto/bin/moto_server", "--host", "0.0.0.0"]
DOCKERFILE
docker images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -E 'airflow|postgres|moto'
