"""Starts the shipped program as a stranger would, makes the documented calls, and stops it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LARGEST_BINARY = 25_000_000
LARGEST_IDLE_KB = 20_000_000 // 1024
LONGEST_START_MS = 200
STARTS = 5

AU = "gentrack-au:10045213"
US = "kraken-us:A-7C41D0E2"


def fail(message):
    sys.exit(f"smoke: {message}")


# A gateway over both kinds of backend, neither of which is there.
CONFIG = """
[server]
listen = "127.0.0.1:0"
drain_delay = "0s"
[[callers]]
name = "smoke"
key_sha256 = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
scopes = ["accounts:read"]
[[backends]]
name = "gentrack-au"
kind = "gentrack"
base_url = "http://127.0.0.1:9/v1"
token_url = "http://127.0.0.1:9/v1/token"
client_id = "smoke"
client_secret = { env = "SMOKE_SECRET" }
time_zone = "Australia/Sydney"
[[backends]]
name = "kraken-us"
kind = "kraken"
endpoint = "http://127.0.0.1:9/v1/graphql/"
api_key = { env = "SMOKE_SECRET" }
currency = "USD"
time_zone = "America/Chicago"
"""


class Program:
    """The program while it serves."""

    def __init__(self, binary, *arguments):
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [binary, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "SMOKE_SECRET": "none"},
        )
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.address = line.split()[1]
                break
        else:
            fail(f"ended before it was ready, with {self.process.wait()}")
        self.start_ms = (time.monotonic() - begun) * 1000

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.process.kill()
        self.process.wait()

    def get(self, path, expected=200):
        """The body, read as JSON where it says it is."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=20) as answer:
                status, headers, body = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers, body = error.code, error.headers, error.read()
        if status != expected:
            fail(f"{path} answered {status} and not {expected}: {body[:500]!r}")
        media = headers.get_content_type()
        if status >= 400 and media != "application/problem+json":
            fail(f"{path} answered {status} with {media}")
        return json.loads(body) if media.endswith("json") else body

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.stdout.read()
        code = self.process.wait(timeout=20)
        if code != 0 or rest:
            fail(f"ended with {code} after {rest!r}")


def call(sandbox):
    balances = {AU: ("310.97", "AUD"), US: ("153.49", "USD")}
    shapes = {}
    for account, (amount, currency) in balances.items():
        root = f"/v1/accounts/{account}"
        due = sandbox.get(f"{root}/balance")["data"]["balance_due"]
        if due != {"amount": amount, "currency": currency}:
            fail(f"{account} owes {due}")
        bills = sandbox.get(f"{root}/bills")["data"]
        document = sandbox.get(f"/v1/bills/{bills[0]['id']}/document")
        if not document.startswith(b"%PDF-"):
            fail(f"the document of {bills[0]['id']} is no PDF: {document[:80]!r}")
        shapes[account] = [
            sandbox.get(root)["data"].keys(),
            bills[0].keys(),
            sandbox.get(f"{root}/transactions")["data"][0].keys(),
            sandbox.get(f"{root}/service-points")["data"][0].keys(),
        ]
    if shapes[AU] != shapes[US]:
        fail(f"the systems' records differ in their members: {shapes}")

    seen, cursor = [], ""
    while cursor is not None:
        page = sandbox.get(f"/v1/accounts/kraken-us:A-5E90B3F4/bills?limit=15{cursor}")
        seen += [bill["id"] for bill in page["data"]]
        following = page["page"]["next_cursor"]
        cursor = following and f"&cursor={following}"
    if len(seen) != 40 or len(set(seen)) != 40:
        fail(f"of 40 bills came {len(seen)}, {len(set(seen))} of them different")

    for path in ("/v1/backends", "/v1/capabilities", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs/", "/problems/not_found"):
        sandbox.get(path)
    for path, status in (("/nowhere", 404), ("/v1/accounts/nobody:1", 404), ("/v1/accounts/no-colon", 400)):
        problem = sandbox.get(path, status)
        if problem["status"] != status:
            fail(f"{path}: {problem}")


def main(binary):
    size = os.path.getsize(binary)
    if size >= LARGEST_BINARY:
        fail(f"the binary has {size} bytes")
    sandbox = ("sandbox", "--listen", "127.0.0.1:0")
    starts = []
    for _ in range(STARTS):
        with Program(binary, *sandbox) as program:
            starts.append(program.start_ms)
            program.stop()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "intertie.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        with Program(binary, "serve", "--config", config) as program:
            for _ in range(20):
                program.get("/readyz")
            idle = program.resident_kb()
            program.stop()
    # The machine may be busy with something else; the program cannot be faster than it is.
    if min(starts) >= LONGEST_START_MS:
        fail(f"ready after {min(starts):.0f} ms at best")
    if idle >= LARGEST_IDLE_KB:
        fail(f"takes {idle} kB when idle")
    with Program(binary, *sandbox) as program:
        call(program)
        program.stop()
    print(f"binary {size / 2**20:.1f} MiB, ready in {min(starts):.0f} ms, idle in {idle / 1024:.1f} MiB; calls answered, stopped with 0")


if __name__ == "__main__":
    main(sys.argv[1])
