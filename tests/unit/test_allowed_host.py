"""PERDURE_HTTP_ALLOWED_HOSTS: what is no host would allow nothing, so it is refused by name."""

import pytest
from pydantic import ValidationError

from perdure.settings import Settings, setting_problems

NAME = "PERDURE_HTTP_ALLOWED_HOSTS"


def test_hosts_are_taken_with_and_without_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "10.0.0.7, partner.internal:8443,[::1]:80,fd00::1,bücher.example,")
    hosts = ("10.0.0.7", "partner.internal:8443", "[::1]:80", "fd00::1", "bücher.example")
    assert Settings().http_allowed_hosts == hosts


@pytest.mark.parametrize("value", ['["127.0.0.1"]', "http://127.0.0.1", "*.internal", "a.internal b.internal"])
def test_what_is_no_host_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert setting_problems(refused.value).startswith(f"{NAME}: {value} is no host")
