"""Leadmill: self-hosted mass mailing and lead generation."""
