"""What every part of the composition root shares: settings, database, store, lake."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from leadmill.errors import ConfigInvalid
from leadmill.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from leadmill.adapters.lake.duck import Lake
    from leadmill.adapters.ledger.database import Database
    from leadmill.ports.store import ObjectStore


class Core:
    """The shared adapters of one process; each is made when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        """The ledger's connection pool."""
        from leadmill.adapters.ledger.database import Database

        if not self.settings.database_url:
            raise ConfigInvalid("No database is set: start Leadmill with `make up`, or set LEADMILL_DATABASE_URL.")
        return Database(self.settings.database_url)

    @cached_property
    def store(self) -> ObjectStore:
        """The object store."""
        from leadmill.adapters.store import open_store

        return open_store(
            self.settings.store_uri, endpoint_url=self.settings.s3_endpoint_url, region=self.settings.s3_region
        )

    @cached_property
    def lake(self) -> Lake:
        """The DuckLake."""
        from leadmill.adapters.lake.duck import Lake

        return Lake(
            database_url=self.settings.database_url,
            data_path=f"{self.settings.store_uri}/lake",
            s3_endpoint_url=self.settings.s3_endpoint_url,
            s3_region=self.settings.s3_region,
        )

    def migrate(self, as_of: datetime) -> None:
        """Bring the ledger's and the lake's schemas up to date.

        Raises:
            ConfigInvalid: The secret key is missing, or is not the one that the ledger was made with.
        """
        from leadmill.adapters.ledger.installation import require_same_key
        from leadmill.sql.migrations import migrate

        migrate(self.settings.database_url)
        require_same_key(self.database, self.settings.secret, as_of=as_of)
        self.lake.migrate()
