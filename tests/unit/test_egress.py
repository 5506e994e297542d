"""The guarded client reaches no private address by any spelling, second answer or family."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest

from perdure.egress.address import Address
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressBlockedError, EgressPolicy


@asynccontextmanager
async def listener(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback that answers 200 to everything, and what it read."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await server.wait_closed()


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ⓛocalhost",
    "me:pw@127.0.0.1",
    "example.com@127.0.0.1",
    "%31%32%37.0.0.1",
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_e3_no_spelling_of_a_private_address_is_reached(host: str) -> None:
    async with listener() as (port, heads), guarded_client(EgressPolicy()) as client:
        with pytest.raises((EgressBlockedError, httpx.TransportError, httpx.InvalidURL)):
            await client.get(f"http://{host}:{port}/")
    assert heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_named_as_the_reason(host: str) -> None:
    async with guarded_client(EgressPolicy()) as client:
        with pytest.raises(EgressBlockedError, match="not public") as refused:
            await client.get(f"http://{host}:1/")
    assert refused.value.code == "STEP.HTTP.BLOCKED"
    assert not refused.value.error_class.retryable
    assert "PERDURE_HTTP_ALLOWED_HOSTS" in refused.value.message


class Resolver:
    """Gives one list of addresses after the other, the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[Address]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(text) for text in found]


async def test_e3_a_name_that_rebinds_is_not_reached() -> None:
    # A client that checks and then resolves again would see the second answer.
    resolver = Resolver(["192.0.1.1"], ["127.0.0.1"])
    async with listener() as (port, heads), guarded_client(EgressPolicy(), resolver) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://rebind.example:{port}/", timeout=0.5)
        assert resolver.asked == 1
        with pytest.raises(EgressBlockedError):
            await client.get(f"http://rebind.example:{port}/", timeout=0.5)
    assert heads == []


@pytest.mark.parametrize("answers", [["8.8.8.8", "127.0.0.1"], ["::1", "8.8.8.8"], ["fe80::1"]])
async def test_one_private_answer_refuses_the_name(answers: list[str]) -> None:
    async with guarded_client(EgressPolicy(), Resolver(answers)) as client:
        with pytest.raises(EgressBlockedError):
            await client.get("http://mixed.example/")


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    resolver = Resolver(["127.0.0.1"], ["192.0.2.1"])
    async with listener() as (port, heads):
        policy = EgressPolicy.of(allow_private=False, allowed_hosts=[f"inside.example:{port}"])
        async with guarded_client(policy, resolver) as client:
            answer = await client.get(f"http://inside.example:{port}/")
    assert (answer.text, resolver.asked) == ("ok", 1)
    assert f"host: inside.example:{port}".encode() in heads[0].lower()


@pytest.mark.parametrize(
    ("allowed", "url_host", "reached"),
    [
        ("localhost", "localhost", True),
        ("LocalHost", "LOCALHOST.", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:{port}", "127.0.0.1", True),
        ("127.0.0.1:1", "127.0.0.1", False),
        ("127.0.0.1", "localhost", False),
        ("127.0.0.1", "2130706433", False),
        ("example.com", "127.0.0.1", False),
    ],
)
async def test_allowed_hosts_are_reached_by_the_name_that_is_allowed(
    allowed: str, url_host: str, *, reached: bool
) -> None:
    async with listener() as (port, heads):
        policy = EgressPolicy.of(allow_private=False, allowed_hosts=[allowed.format(port=port)])
        resolver = Resolver(["127.0.0.1"])
        async with guarded_client(policy, resolver) as client:
            if reached:
                assert (await client.get(f"http://{url_host}:{port}/")).status_code == 200
            else:
                with pytest.raises(EgressBlockedError):
                    await client.get(f"http://{url_host}:{port}/")
    assert len(heads) == int(reached)


@pytest.mark.parametrize(("host", "port"), [("::1", 80), ("::1", 8080)])
def test_ipv6_hosts_may_be_written_with_or_without_brackets(host: str, port: int) -> None:
    for allowed in ("::1", "[::1]", f"[::1]:{port}"):
        policy = EgressPolicy.of(allow_private=False, allowed_hosts=[allowed])
        policy.check(host, port, [ip_address("::1")])


async def test_private_addresses_can_be_allowed_but_multicast_is_not() -> None:
    policy = EgressPolicy(allow_private=True)
    async with listener() as (port, _), guarded_client(policy) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
    for text in ("224.0.0.1", "255.255.255.255", "ff02::1"):
        with pytest.raises(EgressBlockedError):
            policy.check("h", 80, [ip_address(text)])


async def test_an_address_that_does_not_answer_gives_way_to_the_next() -> None:
    policy = EgressPolicy(allow_private=True)
    # Nothing listens on the first; the connection to it is refused at once.
    resolver = Resolver(["127.0.0.2", "127.0.0.1"])
    async with listener() as (port, _), guarded_client(policy, resolver) as client:
        assert (await client.get(f"http://two.example:{port}/")).status_code == 200


async def test_a_name_without_address_is_a_connection_error() -> None:
    async def nothing(_host: str, _port: int) -> Sequence[Address]:
        return []

    async with guarded_client(EgressPolicy(), nothing) as client:
        with pytest.raises(httpx.ConnectError, match=r"empty\.example does not resolve"):
            await client.get("http://empty.example/")


async def test_a_resolver_that_hangs_is_bounded_by_the_timeout() -> None:
    async def hang(_host: str, _port: int) -> Sequence[Address]:
        await asyncio.sleep(60)
        return []

    async with guarded_client(EgressPolicy(), hang) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("http://slow.example/", timeout=0.2)


@pytest.mark.parametrize("label", ["a" * 64, "a..b", "xn--" + "a" * 80])
async def test_names_that_cannot_be_asked_for_are_no_surprise(label: str) -> None:
    async with guarded_client(EgressPolicy()) as client:
        with pytest.raises((httpx.TransportError, httpx.InvalidURL, UnicodeError)):
            await client.get(f"http://{label}/")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed one for inside.example, its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and it is not installed")
    key, signed = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=inside.example", "-addext", "subjectAltName=DNS:inside.example"]
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(["openssl", "req", "-x509", *options, *subject], check=True, capture_output=True)
    signed.write_text(signed.read_text() + key.read_text())
    return signed


async def test_certificates_are_checked_against_the_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    policy = EgressPolicy(allow_private=True)
    async with listener(server) as (port, _):
        async with guarded_client(policy, Resolver(["127.0.0.1"])) as client:
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://inside.example:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with guarded_client(policy, Resolver(["127.0.0.1"])) as client:
            assert (await client.get(f"https://inside.example:{port}/")).text == "ok"
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://other.example:{port}/")
