"""What the session routes take."""

from pydantic import Field, SecretStr

from perdure.contract.model import Model


class SessionRequest(Model):
    """The key a session is begun with."""

    api_key: SecretStr = Field(description="`pdr_<id>_<secret>`; neither kept nor logged.")
