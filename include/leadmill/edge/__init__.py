"""The public ASGI app: one-click unsubscribe, tracking and provider webhooks; it only ever writes to `landing/`."""
