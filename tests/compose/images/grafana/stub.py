#!/usr/bin/env python3
"""No Grafana: answers its health check, and tells which provisioning files and variables it was given, and whether it may read them."""

import http.server
import json
import os
import pathlib
import re
import signal
import sys

PROVISIONING = pathlib.Path("/etc/grafana/provisioning")
BOARDS = pathlib.Path("/var/lib/grafana/dashboards")


def given():
    files = sorted(PROVISIONING.rglob("*.yaml"))
    variables = set(re.findall(r"\$\{?([A-Z_]+)", "".join(file.read_text() for file in files if file.parent.name == "datasources")))
    return {
        "provisioning": [str(file.relative_to(PROVISIONING)) for file in files],
        "boards": [json.loads(file.read_text())["uid"] for file in sorted(BOARDS.rglob("*.json"))],
        "variables": {name: os.environ.get(name) for name in sorted(variables)},
        "administrator": pathlib.Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text() != "",
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {"/api/health": lambda: {"database": "ok", "version": "stub"}, "/given": given}
        known = self.path in answers
        body = json.dumps(answers[self.path]() if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# The first process of a container has no default action.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 3000), Handler).serve_forever()
