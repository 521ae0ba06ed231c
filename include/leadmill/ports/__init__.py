"""Ports: what the services need of the outside world, one file a subject; adapters implement them."""
