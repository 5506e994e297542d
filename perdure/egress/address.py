"""Which IP addresses are public; the guarded network backend asks before it connects.

Own tables, because `ipaddress.is_global` differs between Python versions and lets 6to4 and NAT64 through.
IPv4 lists what is refused, IPv6 what is let through. Sources: the IANA special-purpose address registries.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_REFUSED_V4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),  # Azure's, on a public address
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("2001::/23", "reserved"),  # Teredo, ORCHID, benchmarking
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)
_MULTICAST_V6 = IPv6Network("ff00::/8")
_LOOPBACK_V6 = IPv6Network("::1/128")
_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFFFFFF
_NEVER = frozenset({"multicast", "reserved"})


def parse_address(text: str) -> Address | None:
    """The address a resolver's answer or a host names, without its zone; None when it is a name."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def refusal(address: Address) -> str | None:
    """Why an address is not public (`loopback`, `private`, …), or None when it is.

    An IPv4 address inside an IPv6 one (IPv4-mapped, NAT64) counts as itself.
    """
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        return _refusal_v6(address) if inner is None else refusal(inner)
    return next((kind for network, kind in _REFUSED_V4 if address in network), None)


def reachable_privately(address: Address) -> bool:
    """Whether it makes sense to reach it where private addresses are allowed: multicast does not."""
    return refusal(address) not in _NEVER


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & _LAST_32_BITS) if address in _NAT64 else None


def _refusal_v6(address: IPv6Address) -> str | None:
    if address in _UNICAST_V6:
        return next((kind for network, kind in _REFUSED_V6 if address in network), None)
    if address in _MULTICAST_V6:
        return "multicast"
    return "loopback" if address in _LOOPBACK_V6 else "private"
