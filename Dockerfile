# Airflow with this product in it: one image for every component, and for the worker pods of KubernetesExecutor.
#   docker build --tag automl:latest .
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11
FROM ${AIRFLOW_IMAGE}

# The pins first: they change seldom, and the layer with them is by far the largest.
COPY --chown=airflow:root requirements.txt /opt/automl/
RUN pip install --no-cache-dir --requirement /opt/automl/requirements.txt

COPY --chown=airflow:root LICENSE README.md pyproject.toml /opt/automl/
COPY --chown=airflow:root automl_core /opt/automl/automl_core
COPY --chown=airflow:root templates /opt/automl/templates
COPY --chown=airflow:root plugins /opt/automl/plugins
COPY --chown=airflow:root dags /opt/automl/dags
COPY --chown=airflow:root experiments /opt/automl/experiments
COPY --chown=airflow:root examples /opt/automl/examples
# Both distributions, automl-core and airflow-automl: `automl` as a command, and Airflow's entry points. The code stays
# where it is, so that plugins/ can be Airflow's plugins folder.
RUN pip install --no-cache-dir --no-deps --editable /opt/automl --editable /opt/automl/plugins

ENV AIRFLOW__CORE__DAGS_FOLDER=/opt/automl/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/automl/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AUTOML_HOME=/opt/automl \
    # A worker keeps its place for a whole interval after its task has ended, and a short deferral may be marked
    # failed meanwhile (docs/deployment.md).
    AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1 \
    # An API server that is busy answers late, and a task whose requests are given up loses a try.
    AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=30 \
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.5
