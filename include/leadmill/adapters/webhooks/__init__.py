"""Webhook bodies of each provider, translated to one delivery event."""
