"""Stands in for API and worker: answers 200 on its port. Run as a script: stand_in.py VARIABLE_WITH_THE_PORT."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _end(number: int, _frame: FrameType | None) -> None:
    print(f"stand-in ends by signal {number}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    print("stand-in begins", flush=True)
    signal.signal(signal.SIGTERM, _end)
    HTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), _Answer).serve_forever()
