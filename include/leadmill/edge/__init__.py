"""The public ASGI app: one-click unsubscribe, tracking, webhook intake."""
