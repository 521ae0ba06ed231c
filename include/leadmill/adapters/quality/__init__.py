"""Great Expectations, imported in one place."""
