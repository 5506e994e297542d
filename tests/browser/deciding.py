"""What tests of decisions share: steps that call a partner, and dialogs."""

from typing import Any

from playwright.sync_api import Locator, Page

from tests.server.partner import Partner

ONCE = {"maximum_attempts": 1}


def call(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    with_ = {"method": "POST", "url": f"{partner.url}/{id_}"}
    return {"id": id_, "type": "HTTP_CALL", "with": with_, "retry": ONCE, **fields}


def open_dialog(page: Page, action: str) -> Locator:
    page.get_by_role("button", name=action, exact=True).click()
    return page.get_by_role("dialog", name=action)


def decide(dialog: Locator, action: str, reason: str) -> None:
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()
