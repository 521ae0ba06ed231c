"""Reading lead files: what a file is, its table, its columns, its rows judged one by one in DuckDB."""
