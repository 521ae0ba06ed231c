"""A mail server with a simulated population behind it, for the demo and the tests; see docs/local-world.md.

Product code never imports this. What the population does comes back through the front door only: HTTP calls to the
edge app, provider-like event bodies in `landing/events/`, DSN and reply mails in `landing/inbound/`.
"""
