"""Stands in for API and worker: answers 200 on its port. Run as a script: stand_in.py PORT_VARIABLE [HOW].

HOW: `stubborn` does not end by SIGTERM; `dies` ends with code 3 once it was asked whether it is ready.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if "dies" in sys.argv:
            self.wfile.flush()
            sys.stdout.write("stand-in gives up\n")
            sys.stdout.flush()
            os._exit(3)

    def log_message(self, *_: object) -> None:
        pass


def _end(number: int, _frame: FrameType | None) -> None:
    sys.stdout.write(f"stand-in got signal {number}\n")
    sys.stdout.flush()
    if "stubborn" not in sys.argv:
        os._exit(0)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    HTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), _Answer).serve_forever()
