"""The embedded stack: Postgres, SMTP sink with simulated recipients, DNS server, process supervisor."""
