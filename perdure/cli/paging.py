"""Lists that come in pages: following the cursor, and one JSON document out of many pages."""

import json
from collections.abc import Callable, Iterator
from typing import TypeVar

from perdure.client import AuditPage, JobPage, JournalPage, KeyPage, PerdureClient
from perdure.client.call import Call
from perdure.client.connection import Exchange

P = TypeVar("P", JobPage, JournalPage, KeyPage, AuditPage)


def pages(client: PerdureClient, page_from: Callable[[str | None], Call[P]]) -> Iterator[Exchange[P]]:
    """Every page, beginning with `page_from(None)`."""
    cursor: str | None = None
    while True:
        exchange = client.exchange(page_from(cursor))
        yield exchange
        cursor = exchange.value.page.cursor
        if not exchange.value.page.has_more or cursor is None:
            return


def joined(contents: list[bytes]) -> bytes:
    """The pages' JSON as one page: as it came if there is one, else with all their `data`."""
    if len(contents) == 1:
        return contents[0]
    data = [item for content in contents for item in json.loads(content)["data"]]
    page = {"data": data, "page": {"cursor": None, "has_more": False}}
    return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
