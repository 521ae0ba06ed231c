"""The edge app: `uvicorn --factory leadmill.edge.app:create_app --no-access-log`.

Needs settings, the object store and the secret key; neither Airflow nor Postgres. `X-Forwarded-For` is believed from
`LEADMILL_EDGE_TRUSTED_PROXIES` only.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from leadmill.bootstrap.core import Core
from leadmill.edge.journal import Journal
from leadmill.edge.links import Links
from leadmill.edge.shield import Shield
from leadmill.edge.signatures import Check, Fetch
from leadmill.edge.signatures.mailgun import check_mailgun
from leadmill.edge.signatures.postmark import check_postmark
from leadmill.edge.signatures.sendgrid import check_sendgrid
from leadmill.edge.signatures.ses import check_ses
from leadmill.edge.webhooks import Webhooks, fetch_over_https
from leadmill.ports.store import ObjectStore
from leadmill.settings import Settings
from leadmill.settings import settings as process_settings


def utc_now() -> datetime:
    """The wall clock; the edge is where times of events come from, so it is the one place that reads it."""
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None,
    *,
    store: ObjectStore | None = None,
    clock: Callable[[], datetime] = utc_now,
    fetch: Fetch = fetch_over_https,
) -> Starlette:
    """The ASGI app.

    Args:
        settings: Taken from the environment when left out, as uvicorn's factory does.
        store: Taken from the settings when left out.
        clock: Says what time it is, aware UTC.
        fetch: Gets SNS's signing certificates and confirms its subscriptions.

    Raises:
        ConfigInvalid: The secret key or the store's URI is missing or makes no sense.
    """
    settings = settings or process_settings()
    store = store or Core(settings).store
    journal = Journal(store, clock)
    links = Links(settings.secret, journal)
    webhooks = Webhooks(_checks(settings, fetch), store, fetch, settings.edge_allow_unsigned)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        logging.getLogger("uvicorn.access").disabled = True  # it would log tokens; Shield logs without them
        await journal.start()
        yield
        await journal.close()

    app = Starlette(
        routes=[
            Route("/o/{token}.gif", links.open_pixel, methods=["GET"]),
            Route("/c/{token}", links.follow_click, methods=["GET"]),
            Route("/u/{token}", links.ask_to_unsubscribe, methods=["GET"]),
            Route("/u/{token}", links.unsubscribe, methods=["POST"]),
            Route("/webhooks/{provider}", webhooks.take, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        middleware=[
            Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.edge_trusted_proxies),
            Middleware(
                Shield,
                requests_per_minute=settings.edge_requests_per_minute,
                https=settings.edge_base_url.startswith("https://"),
            ),
        ],
        lifespan=lifespan,
    )
    app.state.clock = clock
    return app


def _checks(settings: Settings, fetch: Fetch) -> dict[str, Check]:
    topics = frozenset(arn.strip() for arn in settings.ses_topic_arns.split(",") if arn.strip())
    return {
        "ses": check_ses(topic_arns=topics, access_key=settings.ses_access_key.get_secret_value(), fetch=fetch),
        "sendgrid": check_sendgrid(public_key=settings.sendgrid_webhook_key.get_secret_value()),
        "mailgun": check_mailgun(signing_key=settings.mailgun_webhook_key.get_secret_value()),
        "postmark": check_postmark(
            user=settings.postmark_webhook_user, password=settings.postmark_webhook_password.get_secret_value()
        ),
    }


async def healthz(_: Request) -> Response:
    """`GET /healthz`: the process answers; whether the store does shows in the answers to unsubscribes."""
    return JSONResponse({"status": "ok"})
