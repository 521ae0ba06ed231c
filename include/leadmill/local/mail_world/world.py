"""Puts the world together: SMTP server, pages and population in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Self

import uvicorn

from leadmill.adapters.store import open_store
from leadmill.local.mail_world.certificate import server_context
from leadmill.local.mail_world.journal import Journal
from leadmill.local.mail_world.mails import Mail
from leadmill.local.mail_world.options import WorldOptions
from leadmill.local.mail_world.pages import make_pages
from leadmill.local.mail_world.population import Population
from leadmill.local.mail_world.signing import webhook_key
from leadmill.local.mail_world.smtp_server import Receiver, smtp_factory
from leadmill.ports.store import ObjectStore


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the world's launcher stops everything."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class MailWorld:
    """One running world. `smtp_port` and `web_port` are the bound ports."""

    def __init__(self, options: WorldOptions, store: ObjectStore | None = None) -> None:
        self.options = options
        self.journal = Journal(options.folder)
        self.population: Population | None = None
        if options.population:
            self.population = Population(options, self.journal, store or open_store(options.store))
        self.smtp_port = 0
        self.web_port = 0

    async def run(self, started: Any = None) -> None:
        """Serve until cancelled; calls `started()` once both ports answer."""
        options, population = self.options, self.population
        tls = server_context(options.folder) if options.starttls else None
        if population:
            webhook_key(options.folder)
            for mail in self.journal.mails:
                population.meet(mail)
        receiver = Receiver(options, self.journal, population.meet if population else lambda _: None)
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(smtp_factory(receiver, tls), options.host, options.smtp_port)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        pages = make_pages(self.journal, population)
        config = uvicorn.Config(
            pages, options.host, options.web_port, log_level="warning", access_log=False, lifespan="off"
        )
        web = _Server(config)
        tasks = [asyncio.create_task(web.serve())]
        try:
            while not web.started:
                await asyncio.sleep(0.01)
                if tasks[0].done():
                    tasks[0].result()
                    raise OSError(f"The mail page's port {options.web_port} is taken; set another.")
            self.web_port = web.servers[0].sockets[0].getsockname()[1]
            if started:
                started()
            if population:
                tasks.append(asyncio.create_task(population.live()))
            await asyncio.gather(*tasks)
        finally:
            await self._end(smtp, web, tasks)

    async def _end(self, smtp: asyncio.Server, web: _Server, tasks: list[asyncio.Task[None]]) -> None:
        smtp.close()
        web.should_exit = True
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.journal.close()

    def received(self, *, recipient: str = "", message_id: str = "") -> list[Mail]:
        """Accepted copies: all, or those for a recipient and of a Message-ID."""
        return self.journal.received(recipient=recipient, message_id=message_id)


class RunningWorld:
    """A world in a thread of this process, for tests and benchmarks; use it as a context."""

    def __init__(self, options: WorldOptions, store: ObjectStore | None = None) -> None:
        self.world = MailWorld(options, store)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-world", daemon=True)

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread.start()
        self._running = self._call(self.world.run(started.set))
        while not started.wait(0.05):
            if self._running.done():
                self._running.result()
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.cancel()
        with contextlib.suppress(Exception):
            self._call(self._drained()).result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=20)
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _drained(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.wait(others, timeout=15)

    def wait_until_quiet(self, *, seconds: float = 30.0) -> None:
        """Return once nobody has anything left to do.

        Raises:
            TimeoutError: Somebody still has after that time.
        """
        population = self.world.population
        finished = threading.Event()
        for _ in range(round(seconds / 0.05)):
            if population is None or population.pending == 0:
                return
            finished.wait(0.05)
        raise TimeoutError(f"{population.pending if population else 0} deeds are still to come.")
