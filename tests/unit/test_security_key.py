"""API keys, roles and principals, as far as they need no database."""

from pathlib import Path

import pytest

from perdure.security.key import key_hash, parse_key, read_key, read_pepper, same_hash
from perdure.security.principal import Principal
from perdure.security.role import Role

SECRET = "s" * 43
KEY = f"pdr_adminkey0001_{SECRET}"


def test_a_key_has_an_id_and_a_secret() -> None:
    key = parse_key(KEY)
    assert key is not None
    assert key.id == "adminkey0001"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pdr_",
        "pdr_id_",
        f"pdr__{SECRET}",
        f"pdr_adminkey0001_{'s' * 31}",
        f"pdr_adminkey0001_{'s' * 129}",
        f"PDR_adminkey0001_{SECRET}",
        f" {KEY}",
        f"{KEY}\n",
        f"{KEY}\0",
        f"pdr_admin-key_{SECRET}",
        f"pdr_adminkey0001_{'é' * 43}",
        f"pdr_adminkey0001_{'٣' * 43}",
        "x" * 1_000_000,
        f"Bearer {KEY}",
    ],
)
def test_other_text_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(parse_key(KEY))


def test_hash_depends_on_pepper_id_and_secret() -> None:
    one, other_id, other_secret = (parse_key(text) for text in (KEY, f"pdr_other_{SECRET}", KEY[:-1] + "t"))
    assert one
    assert other_id
    assert other_secret
    hashes = {key_hash(b"p" * 32, one), key_hash(b"q" * 32, one)}
    hashes |= {key_hash(b"p" * 32, other_id), key_hash(b"p" * 32, other_secret)}
    assert len(hashes) == 4
    assert not any(SECRET in found for found in hashes)


def test_hashes_are_compared_whole() -> None:
    assert same_hash("ab", "ab")
    assert not same_hash("ab", "abc")
    assert not same_hash("ab", "")


def test_files_are_read_without_white_space_around(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "pepper").write_text("p" * 32 + "\n")
    assert read_key(tmp_path / "key") == parse_key(KEY)
    assert read_pepper(tmp_path / "pepper") == b"p" * 32


@pytest.mark.parametrize("content", [b"", b"pdr_short", b"\xff\xfe", KEY.encode() * 2])
def test_a_file_without_a_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match="pdr_<id>_<secret>"):
        read_key(tmp_path / "key")


def test_a_short_pepper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("p" * 31)
    with pytest.raises(ValueError, match="at least 32"):
        read_pepper(tmp_path / "pepper")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, [Role.VIEWER]),
        (Role.OPERATOR, [Role.VIEWER, Role.OPERATOR]),
        (Role.ADMIN, [Role.VIEWER, Role.OPERATOR, Role.ADMIN]),
    ],
)
def test_each_role_allows_what_the_one_before_it_does(role: Role, allowed: list[Role]) -> None:
    assert [needed for needed in Role if role.allows(needed)] == allowed


def test_a_principal_sees_its_tenant_only() -> None:
    principal = Principal("key:ops", "acme", Role.VIEWER)
    assert principal.sees("acme:order-1")
    assert principal.sees("acme:order-1~~mail")
    assert not principal.sees("acme2:order-1")
    assert not principal.sees("default:order-1")
    assert (principal.scope, principal.home) == ("acme", "acme")


def test_a_principal_of_every_tenant_submits_to_the_default_one() -> None:
    principal = Principal("key:admin", "*", Role.ADMIN)
    assert principal.sees("acme:order-1")
    assert (principal.scope, principal.home) == (None, "default")
