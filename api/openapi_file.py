"""`python -m api.openapi_file`: print the OpenAPI document, kept in dashboard/openapi.json for its types."""

import json
import sys

from api.app import Secrets, create_app
from perdure.settings import Settings


def render() -> str:
    """The document as the file holds it: indented, so that a change can be read."""
    app = create_app(Settings(), Secrets(b"p" * 32, None))
    return json.dumps(app.state.openapi_document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
