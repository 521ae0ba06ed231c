# One image for every Leadmill service; docker-compose.yaml gives each its command.
FROM python:3.11-slim-bookworm

# libgomp1: XGBoost's threads. tini: reaps what Airflow's tasks leave, and passes signals on.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/leadmill/plugins \
    UV_SYSTEM_PYTHON=1 \
    AIRFLOW_HOME=/opt/leadmill/var/airflow

WORKDIR /opt/leadmill
COPY pyproject.toml requirements.txt README.md LICENSE ./
COPY include include
# The lock as constraints: the versions that the tests ran with, without the tools of development.
RUN pip install --no-cache-dir "$(grep -E '^uv==' requirements.txt)" \
    && uv pip install --no-cache --compile-bytecode --constraint requirements.txt --editable .
COPY .streamlit .streamlit
COPY dags dags
COPY plugins plugins
COPY models models
COPY dashboards dashboards

RUN useradd --uid 10001 --gid 0 --no-create-home --home-dir /opt/leadmill/var leadmill \
    && mkdir -p var/airflow var/logs var/secrets \
    && chown -R leadmill:0 var \
    && chmod -R g+rwX var
USER 10001
ENTRYPOINT ["tini", "--"]
CMD ["leadmill", "--help"]
