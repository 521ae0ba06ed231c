"""The whole system on one machine, from Python packages alone: PostgreSQL, Airflow, edge, Streamlit, local world."""
