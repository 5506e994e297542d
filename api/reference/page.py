"""The OpenAPI document and the error codes as HTML, without scripts or anything from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from perdure.contract.code import GROUPS

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #ddd}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f5f5f5;padding:.8rem;overflow:auto;border-radius:4px}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #eee}
.method{display:inline-block;min-width:3.5rem;font-weight:700}summary{cursor:pointer;padding:.3rem 0}
:target{background:#fff3c4}@media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}
pre{background:#242424}a{color:#8ab4ff}td,th,h2{border-color:#444}:target{background:#4a4000}}
"""


def api_page(document: Mapping[str, Any]) -> str:
    """The API for a person in a browser."""
    info = document["info"]
    body = [f"<p>{escape(info['description'])}</p>", _LINKS]
    for tag in document["tags"]:
        body.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        body += [_operation(*found) for found in _operations(document, tag["name"])]
    body.append("<h2>Schemas</h2>")
    for name, schema in document["components"]["schemas"].items():
        body.append(f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>')
        body.append(f"{_json(schema)}</details>")
    return _page(f"{info['title']} {info['version']}", "".join(body))


def error_page() -> str:
    """Every error code with its meaning and remedy, each with an anchor of its name."""
    body = []
    for group, codes in GROUPS.items():
        rows = [
            f'<tr id="{code}"><td><code>{code}</code></td><td>{info.error_class}</td>'
            f"<td>{escape(info.title)}</td><td>{escape(info.remedy)}</td></tr>"
            for code, info in codes.items()
        ]
        head = "<tr><th>code</th><th>class</th><th>meaning</th><th>what to do</th></tr>"
        body.append(f"<h2>{escape(group)}</h2><table>{head}{''.join(rows)}</table>")
    return _page("Perdure error codes", "".join(body))


_LINKS = """<p><a href="/openapi.json">OpenAPI document</a> · <a href="/docs/errors">Error codes</a> ·
<a href="/dashboard/">Dashboard</a> ·
<a href="/readyz">Readiness</a></p>
<p>Send the key with every request to <code>/v1</code>:
<code>Authorization: Bearer pdr_…</code> or <code>X-API-Key: pdr_…</code></p>"""


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )


def _operations(document: Mapping[str, Any], tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation.get("tags", ()):
                yield method.upper(), path, operation


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    title = f'<span class="method">{method}</span> <code>{escape(path)}</code> {escape(operation["summary"])}'
    parts = [f"<p>{escape(operation.get('description', ''))}</p>"]
    parts += [_parameters(operation.get("parameters", ()))]
    parts += [_body(operation.get("requestBody"))]
    answers = [
        f"<tr><td>{status}</td><td>{escape(answer.get('description', ''))}</td></tr>"
        for status, answer in operation["responses"].items()
    ]
    parts.append(f"<table><tr><th>answer</th><th></th></tr>{''.join(answers)}</table>")
    return f'<details id="{escape(operation["operationId"])}"><summary>{title}</summary>{"".join(parts)}</details>'


def _parameters(parameters: Any) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in parameters
    ]
    return f"<table><tr><th>parameter</th><th>in</th><th></th></tr>{''.join(rows)}</table>" if rows else ""


def _body(body: Mapping[str, Any] | None) -> str:
    if body is None:
        return ""
    content = body["content"]["application/json"]
    name = escape(content["schema"]["$ref"].rpartition("/")[2])
    examples = [
        f"<p>{escape(example['summary'])}</p>{_json(example['value'])}" for example in content["examples"].values()
    ]
    return f'<p>Body: <a href="#schema-{name}">{name}</a></p>{"".join(examples)}'


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
