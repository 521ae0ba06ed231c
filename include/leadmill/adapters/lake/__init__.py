"""The lake: DuckDB over DuckLake."""
