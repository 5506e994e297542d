"""What a request shows of a key it claims: how the key ring compares it, whichever way it came."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """`matches` tells of a stored hash whether the claim is made with the secret of that hash.

    It takes the same time whatever the answer.
    """

    key_id: str
    matches: Callable[[str], bool]
