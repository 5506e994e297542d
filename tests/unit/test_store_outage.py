"""Telling Postgres being away from a statement being wrong."""

import asyncpg
import pytest
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from perdure.store.engine import is_outage, is_wrong_row
from perdure.store.session import StoreUnavailableError

AWAY = [
    ConnectionRefusedError(),
    TimeoutError(),
    PoolTimeoutError(),
    asyncpg.CannotConnectNowError("starting up"),
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.TooManyConnectionsError("full"),
    asyncpg.DiskFullError("full"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"),
    asyncpg.InvalidCatalogNameError("no such database"),
    asyncpg.ObjectNotInPrerequisiteStateError("not accepting connections"),
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


def test_a_row_is_wrong_that_no_administrator_makes_right() -> None:
    wrong = [WRONG[-1], IntegrityError("INSERT", {}, asyncpg.CheckViolationError("refused")), TypeError()]
    assert all(is_wrong_row(error) for error in wrong)
    assert not any(is_wrong_row(error) for error in [WRONG[2], *AWAY[-3:]])


def test_the_error_says_what_is_wrong_and_what_to_do() -> None:
    error = StoreUnavailableError(ConnectionRefusedError("connect failed\nmore"))
    assert error.message == (
        "Postgres cannot be used now (ConnectionRefusedError: connect failed); jobs run on, try again in a few seconds"
    )
