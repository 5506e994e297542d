"""What the doctor is to examine: written by `perdure doctor`, read by `python -m perdure.doctor`."""

from perdure.contract.model import Model
from perdure.embedded.info import StackInfo


class Subject(Model):
    """An embedded stack (`stack` and `data_dir`), else what the `PERDURE_*` settings name.

    With `api_only` a server was named and nothing tells where its Temporal and Postgres are. `server` is None
    where the settings tell it: the API is then expected at the address they have it listen on.
    """

    server: str | None = None
    api_key: str | None = None
    stack: StackInfo | None = None
    data_dir: str | None = None
    api_only: bool = False
