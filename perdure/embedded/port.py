"""The stack's TCP ports: a free one where asked for, a taken one refused by name; for the stack."""

import errno
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.embedded.error import PortTakenError
from perdure.embedded.process import port_holder

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections, so that none of those takes the
# port between our look and the service's bind.
_FREE_RANGE = range(20_000, 32_000)
_TRIES = 200


@dataclass(frozen=True, slots=True)
class PortWish:
    """`number` 0 asks for a free port. `option` is the flag that sets it, for the refusal."""

    service: str
    option: str
    number: int


def settle_ports(wishes: Sequence[PortWish]) -> tuple[int, ...]:
    """Return a port number for each wish, all different, each free a moment ago.

    Raises PortTakenError naming port, service, option and, where it can be known, the holder.
    """
    settled: list[int] = []
    wanted = {wish.number for wish in wishes}
    for wish in wishes:
        if wish.number == 0:
            settled.append(_free_port(without={*settled, *wanted}))
            continue
        if wish.number in settled:
            what = f"{wish.service} ({wish.option})"
            raise PortTakenError(f"port {wish.number} is asked for twice, the second time for {what}")
        _check(wish)
        settled.append(wish.number)
    return tuple(settled)


def _check(wish: PortWish) -> None:
    error = _bind_error(wish.number)
    if error is None:
        return
    what = f"port {wish.number} ({wish.service}, {wish.option})"
    if error.errno == errno.EADDRINUSE:
        raise PortTakenError(
            f"{what} is already in use{port_holder(wish.number)}. "
            f"Stop that program, or choose another port with {wish.option} (0 = a free one)."
        )
    raise PortTakenError(f"{what} cannot be used: {error.strerror}. Choose another port with {wish.option}.")


def _free_port(*, without: set[int]) -> int:
    for _ in range(_TRIES):
        port = random.choice(_FREE_RANGE)
        if port not in without and _bind_error(port) is None:
            return port
    raise PortTakenError(f"no free port found between {_FREE_RANGE.start} and {_FREE_RANGE.stop}")


def _bind_error(port: int) -> OSError | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: the remains of closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None
