"""Telling Postgres being away from a statement being wrong."""

import asyncpg
import pytest
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from perdure.store.engine import is_outage
from perdure.store.session import StoreUnavailableError

AWAY = [
    ConnectionRefusedError(),
    TimeoutError(),
    PoolTimeoutError(),
    asyncpg.CannotConnectNowError("starting up"),
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.TooManyConnectionsError("full"),
    asyncpg.DiskFullError("full"),
    OperationalError("SELECT", {}, asyncpg.AdminShutdownError("shutting down")),
    OperationalError("SELECT", {}, asyncpg.QueryCanceledError("statement timeout")),
    InterfaceError("SELECT", {}, Exception("connection is closed")),
]
WRONG = [
    ValueError(),
    asyncpg.UndefinedTableError("absent"),
    ProgrammingError("SELECT", {}, asyncpg.UndefinedColumnError("absent")),
    DataError("SELECT", {}, asyncpg.NumericValueOutOfRangeError("too large")),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_away(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", WRONG, ids=repr)
def test_wrong(error: Exception) -> None:
    assert not is_outage(error)


def test_the_error_says_what_is_wrong_and_what_to_do() -> None:
    error = StoreUnavailableError(ConnectionRefusedError("connect failed\nmore"))
    assert error.message == (
        "Postgres cannot be used now (ConnectionRefusedError: connect failed); jobs run on, try again in a few seconds"
    )
