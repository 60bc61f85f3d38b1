# A deployment: the official image of the version that the project is tested with, the pinned
# requirements, and the project's folders. The install step is the one that `make setup` runs.
FROM apache/airflow:3.3.2-python3.12

COPY --chown=airflow:root requirements.txt /tmp/requirements.txt
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.txt

COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root include /opt/airflow/include
# The cluster policy, by which wrongly composed DAGs are refused when they are parsed.
COPY --chown=airflow:root config /opt/airflow/config
ENV PYTHONPATH=/opt/airflow/plugins
