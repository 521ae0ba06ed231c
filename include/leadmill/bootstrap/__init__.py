"""The composition root: joins adapters to services. Everything heavy is imported when first used."""

from __future__ import annotations

from functools import lru_cache

from leadmill.bootstrap.access import Access
from leadmill.bootstrap.browsing import Browsing
from leadmill.bootstrap.collecting import Collecting
from leadmill.bootstrap.content_rules import ContentRules
from leadmill.bootstrap.importing import Importing
from leadmill.bootstrap.keeping_count import KeepingCount
from leadmill.bootstrap.limiting import Limiting
from leadmill.bootstrap.placing import Placing
from leadmill.bootstrap.reporting import Reporting
from leadmill.bootstrap.scoring import Scoring
from leadmill.bootstrap.sending import Sending
from leadmill.bootstrap.watching import Watching
from leadmill.settings import settings


class App(
    Importing,
    Browsing,
    Scoring,
    ContentRules,
    Sending,
    Limiting,
    Placing,
    Collecting,
    Watching,
    Access,
    Reporting,
    KeepingCount,
):
    """One process's wiring: settings in, use cases out; one part a file."""


@lru_cache(maxsize=1)
def app() -> App:
    """This process's App, from the environment."""
    return App(settings())
