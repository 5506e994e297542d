"""`python -m api.role_reference`: print docs/reference/roles.md, made from the OpenAPI document."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from api.app import Secrets, create_app
from api.security import declared_role
from perdure.security.role import Role
from perdure.settings import Settings

_OPENING = """# Roles

Every key has one role; each role may do all that the one before it may. Which role a route needs is declared at the
route, enforced in `api/security.py`, and told by `/openapi.json` as the scope in `security`. Paths outside `/v1`
(probes, metrics, documents, the dashboard's files) need no key and say nothing about any job.

Made by `python -m api.role_reference > docs/reference/roles.md`; do not edit.

| route | no key | viewer | operator | admin | another tenant's |
|---|---|---|---|---|---|
"""
_CLOSING = """
`ok`: the request is judged on its own merits. 401 is `API.UNAUTHENTICATED`, in the same words whatever is wrong with
the key; 403 is `API.FORBIDDEN` and names the role that is needed; 404 is the answer for what is not there, and for
what belongs to another tenant. `own only`: the answer holds what belongs to the key's tenant, and nothing else.

`POST /v1/bulk-actions` on more than 1,000 jobs needs the role admin (403).

## Sessions
`POST /v1/session` and `DELETE /v1/session` are asked without a key: the one takes it in its body and gives a browser
a cookie for it, the other takes the cookie back. The cookie does what its key does. With a cookie, all but reading is
open to pages of this server alone (403 `API.CROSS_SITE`).

## Tenants
A key belongs to one tenant, or to `*`, which is all of them. What it submits goes to its tenant (of `*`: to `default`).
A bulk action of a key of `*` is of `*`: keys of a tenant see what it did in the journals of their jobs, not the action.
An admin manages the keys of its own tenant; only an admin of `*` manages keys of `*`. Nobody can give, by making a key
or by rotating one, more than they have: tenant, role, the grant `payloads`, time until expiry (403).

## Payloads
The grant `payloads` is no role: without it an admin too sees inputs, outputs, outputs of steps and error details as
`"***"` (details as `{"masked": true}`). Codes, messages, reasons, labels, times and states are shown to every role:
keep what is secret out of the messages of FAIL steps. Lists show no error details to anybody. Each view of payloads
is audited.

## Audit
Keys made, rotated or revoked, views of payloads, bulk actions started, aborted or ended, and what a role refuses (403)
are entries of `GET /v1/audit` ([REST](rest.md#audit)): who reads a tenant sees those of that tenant. Keys that open
nothing (401) are lines of the API's log alone.
"""
_METHODS = ("get", "post", "put", "patch", "delete")


def render(document: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    return _OPENING + "".join(_rows(document)) + _CLOSING


def _rows(document: Mapping[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for method in _METHODS:
            if method in item and item[method].get("security") != []:
                yield _row(method, path, declared_role(item[method]))


def _row(method: str, path: str, needed: Role) -> str:
    cells = ["401", *("ok" if role.allows(needed) else "403" for role in Role)]
    foreign = "404" if "{" in path else "own only"
    return f"| `{method.upper()} {path}` | {' | '.join([*cells, foreign])} |\n"


if __name__ == "__main__":
    app = create_app(Settings(), Secrets(b"p" * 32, None))
    sys.stdout.write(render(app.state.openapi_document))
