"""A circuit breaker around one dependency: purgatory, with the promises it does not make itself.

Added here: one probe at a time while half-open, cancellation that counts neither as a success nor
as a failure, and no traceback that grows with every rejected call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from vertice_bot.errors import Unavailable


class CircuitState(IntEnum):
    """Values of the metric ``vertice_circuit_state``."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


_STATES = {
    "closed": CircuitState.CLOSED,
    "half-opened": CircuitState.HALF_OPEN,
    "opened": CircuitState.OPEN,
}


class CircuitOpen(Unavailable):
    """The call was not made: the dependency failed several times in a row just before."""

    def __init__(self, part: str) -> None:
        super().__init__(part, "CircuitOpen")


class Breaker:
    """Guards calls to one dependency.

    Parameters
    ----------
    name:
        The dependency, as in the metric's label.
    is_outage:
        Says of an exception whether the dependency failed; a refused query is not an outage.
    threshold:
        Failures in a row that open the circuit.
    ttl_seconds:
        How long it stays open before one call is let through.
    """

    def __init__(
        self,
        name: str,
        *,
        is_outage: Callable[[BaseException], bool],
        threshold: int = 3,
        ttl_seconds: float = 3.0,
    ) -> None:
        self.name = name
        self._factory = AsyncCircuitBreakerFactory(
            default_threshold=threshold,
            default_ttl=ttl_seconds,
            exclude=[(BaseException, lambda error: not is_outage(error))],
        )
        self._probing = False
        self._state = CircuitState.CLOSED

    @property
    def state(self) -> CircuitState:
        """Where the circuit is now; read it at scrape time."""
        return self._state

    @asynccontextmanager
    async def guard(self) -> AsyncIterator[None]:
        """Make a call through the circuit; put any time limit inside the block.

        Raises
        ------
        CircuitOpen
            The circuit is open, or half-open with a probe under way.
        """
        breaker = await self._factory.get_breaker(self.name)
        probe = breaker.context.state != "closed"
        if probe and self._probing:
            raise CircuitOpen(self.name)
        self._probing = self._probing or probe
        try:
            try:
                await breaker.__aenter__()
            except OpenedState as opened:
                opened.__traceback__ = None
                raise CircuitOpen(self.name) from None
            self._state = _STATES[breaker.context.state]
            try:
                yield
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:
                await breaker.__aexit__(type(error), error, error.__traceback__)
                raise
            await breaker.__aexit__(None, None, None)
        finally:
            self._state = _STATES[breaker.context.state]
            if probe:
                self._probing = False
