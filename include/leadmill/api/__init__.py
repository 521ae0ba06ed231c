"""Management REST API."""
