"""How fast something goes whose work comes in bursts."""

from __future__ import annotations

from collections import deque


class Throughput:
    """The rate since the last look that is at least `over` seconds back, or since the first.

    From one look to the next it would be nothing or many times too much: a lane's answers come by the hundred.
    """

    def __init__(self, *, over: float) -> None:
        self._over = over
        self._looks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def per_second(self, done: int, *, at: float) -> float:
        """The rate now; `done` counts all so far, `at` is in seconds since the beginning."""
        while len(self._looks) > 1 and at - self._looks[1][0] >= self._over:
            self._looks.popleft()
        since, then = self._looks[0]
        self._looks.append((at, done))
        return (done - then) / max(at - since, 0.001)
