"""Whether a request that a browser vouches for comes from our own page; asked where a cookie counts (decision 0031).

A cookie is sent by the browser, whoever made the page that asks. SameSite alone does not do: to it every port of a
host, and every host of a domain, is the same site.
"""

from urllib.parse import urlsplit

from fastapi import Request

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_ours(request: Request) -> bool:
    """What the browser says of the page; browsers that say nothing (plain http) name the origin at least."""
    said = request.headers.getlist("sec-fetch-site")
    if said:
        return said == ["same-origin"]
    origins, hosts = request.headers.getlist("origin"), request.headers.getlist("host")
    return len(origins) == len(hosts) == 1 and bool(hosts[0]) and _host(origins[0]) == hosts[0].lower()


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
