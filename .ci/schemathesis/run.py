"""Runs schemathesis against the program: calls made from the OpenAPI document it serves, right and wrong ones, each answer held
against that document.

    python3 .ci/schemathesis/run.py BINARY

In front of the simulated systems stands a gateway with one caller, so that calls without a key or with a wrong one are refused
here as in earnest. What is checked, and what is not and why, stands below under [checks] and in `hooks.py`.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv

VERSION = "4.32.5"
# For every operation and phase, beside the boundary values that the coverage phase takes from the document.
EXAMPLES = 12

HERE = pathlib.Path(__file__).resolve().parent
KEY = "a-key-for-this-run-alone-0123456789"

SCOPES = [f"{family}:{right}" for family in ("accounts", "bills", "payments", "meters", "parties", "enrollment") for right in ("read", "write")]
SCOPES += ["native:read", "native:call", "ops:read"]

# The credentials of the simulated systems are fixed and public.
GATEWAY = """
[server]
listen = "127.0.0.1:0"
drain_delay = "0s"
[rates]
# Wrong credentials, again and again, are what one of the checks sends.
failures = "off"
callers = "off"
[[callers]]
name = "schemathesis"
key_sha256 = "{key}"
scopes = {scopes}
[[backends]]
name = "gentrack-au"
kind = "gentrack"
base_url = "{gentrack}/v1"
token_url = "{gentrack}/id/v1/token"
client_id = "intertie-sandbox"
client_secret = {{ env = "GENTRACK" }}
time_zone = "Australia/Sydney"
[[backends]]
name = "kraken-us"
kind = "kraken"
endpoint = "{kraken}/v1/graphql/"
api_key = {{ env = "KRAKEN" }}
currency = "USD"
time_zone = "America/Chicago"
[[backends]]
name = "tmf-carib"
kind = "tmf678"
base_url = "{tmf678}/tmf-api/customerBillManagement/v1"
client_id = "intertie-sandbox"
client_secret = {{ env = "TMF678" }}
units = [{{ business_id = "PA" }}, {{ business_id = "JM" }}, {{ business_id = "TT" }}, {{ business_id = "PR" }}]
channel = "selfportal"
time_zone = "America/Panama"
list_bills = true
[[backends]]
name = "crmcom-cy"
kind = "crmcom"
base_url = "{crmcom}/crmapi/rest/v2"
username = "gateway"
password = {{ env = "CRMCOM" }}
organisation = "DEMO"
time_zone = "Asia/Nicosia"
[[backends]]
name = "urjanet-us"
kind = "urjanet"
base_url = "{urjanet}/api/v1"
login_url = "{urjanet}/auth/api/login"
username = "billing-bot"
password = {{ env = "URJANET" }}
customer_id = "Customer1"
currency = "USD"
"""
SECRETS = {
    "GENTRACK": "s4nd+b0x/Only==",
    "KRAKEN": "sk_live_SANDBOX00000000000000000",
    "TMF678": "s4ndb0x-bills-only",
    "CRMCOM": "not-a-real-password",
    "URJANET": "not-a-real-password",
}

SETTINGS = """
continue-on-failure = true
workers = 1
hooks = "{hooks}"
request-timeout = 30.0

[output.sanitization]
enabled = false

[auth.openapi.bearer]
bearer = "{key}"

[generation]
mode = "all"
max-examples = {examples}
# The same calls every time, made from the document alone: no seed, and nothing kept from earlier runs.
deterministic = true
database = "none"
no-shrink = true
# HTTP and its caches, proxies and tracers add headers that nobody documented: refusing such requests would be wrong.
allow-extra-parameters = false

[phases.stateful]
# The document has no links; chains of calls are what the tests beside the code are for.
enabled = false

[checks]
# All are on: status codes, media types, headers and bodies of answers must be as documented, wrong requests must be refused,
# and so must undocumented methods and calls without a right key.
enabled = true

# 501 says that a billing system has no such thing, 502 to 504 that it failed: documented answers, and never of our making.
# What must never come is 500. That the others are problem documents is asked by `problems` in `hooks.py`.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501, 502, 503, 504]

# 408 is the answer to a body that does not come within the caller's own `Request-Timeout-Ms`.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 501, 502, 503, 504]

# Not every rule can be said in a schema: "`from` before `to`", "a cursor that was given out". `refusals` in `hooks.py` stands in
# its place: a request that fits the document may be refused for one of the rules listed there, and for nothing else.
[checks.positive_data_acceptance]
enabled = false
"""

# Where the simulated systems' records are, and the parameters that take their ids.
ACCOUNTS = ["gentrack-au:10045213", "kraken-us:A-7C41D0E2", "kraken-us:A-5E90B3F4", "crmcom-cy:ACR0000000058"]
OF_ACCOUNTS = {
    "bill": "bills",
    "service_point": "service-points",
    "meter": "meters",
    "arrangement": "payment-arrangements",
    "refund": "refund-requests",
}
LISTS = {
    "account": "accounts",
    "meter": "meters",
    "credential": "credentials",
    "provider": "providers",
    "template": "templates",
    "service_type": "service-types",
    "custom_attribute": "custom-attributes",
    "candidate": "candidates/accounts",
}
BACKENDS = ["gentrack-au", "kraken-us", "tmf-carib", "crmcom-cy", "urjanet-us"]
# What no list names.
BILLS = ["tmf-carib:801941080000~bill~2018031"]


class Program:
    """The program while it runs."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **SECRETS})
        self.told = {}
        for line in self.process.stdout:
            name, _, address = line.strip().partition(" ")
            self.told[name] = address
            if name == "ready":
                return
        sys.exit(f"{' '.join(command)} ended before it was ready, with {self.process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.process.kill()
        self.process.wait()


def ids_of(gateway):
    """Ids of records that are there, by the name of the path parameter that takes them."""

    def listed(path):
        request = urllib.request.Request(f"{gateway}/v1/{path}?limit=6", headers={"X-Api-Key": KEY})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return [record["id"] for record in json.load(answer)["data"] if record.get("id")]
        except urllib.error.HTTPError as error:
            if error.code == 501:
                return []
            raise

    found = {"backend": list(BACKENDS), "account": list(ACCOUNTS), "bill": list(BILLS)}
    for name, path in LISTS.items():
        found.setdefault(name, []).extend(listed(path))
    for account in ACCOUNTS:
        for name, path in OF_ACCOUNTS.items():
            found.setdefault(name, []).extend(listed(f"accounts/{account}/{path}"))
    return {name: values for name, values in found.items() if values}


def settings(ids):
    written = [SETTINGS.format(hooks=HERE / "hooks.py", key=KEY, examples=EXAMPLES)]
    for name, values in ids.items():
        written.append(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n")
    written.append("[parameters]\n")
    for name in ids:
        written.append(f'"path.{name}" = {{ dictionary = "{name}", probability = 0.7 }}\n')
    return "\n".join(written)


def installed():
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / f"schemathesis-{VERSION}"
    tool = folder / "bin" / "schemathesis"
    if not tool.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", HERE / "requirements.txt"], check=True)
    return tool.resolve()


def main(binary):
    tool = installed()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Program(binary, "simulate", "--listen", "127.0.0.1:0") as systems:
        folder = pathlib.Path(folder)
        gateway = folder / "gateway.toml"
        key = hashlib.sha256(KEY.encode()).hexdigest()
        gateway.write_text(GATEWAY.format(key=key, scopes=json.dumps(SCOPES), **systems.told), encoding="utf-8")
        with Program(binary, "serve", "--config", str(gateway)) as program:
            address = program.told["ready"]
            config = folder / "schemathesis.toml"
            config.write_text(settings(ids_of(address)), encoding="utf-8")
            command = [tool, "--config-file", config, "run", f"{address}/openapi.json", "--no-color", *sys.argv[2:]]
            counts = folder / "counts.json"
            run = subprocess.run(command, cwd=folder, env={**os.environ, "COUNTS": str(counts), "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
            if run.returncode == 0 and program.process.poll() is not None:
                sys.exit("the gateway is gone")
            told = json.loads(counts.read_text(encoding="utf-8"))
    good = sum(count for status, count in told["statuses"].items() if status.startswith("2"))
    seen = ", ".join(f"{status}: {count}" for status, count in sorted(told["statuses"].items()))
    print(f"schemathesis {VERSION}: {sum(told['statuses'].values())} calls in {time.monotonic() - begun:.0f} s, {good} of them answered 2xx ({seen})")
    for rule, count in sorted(told["rules"].items()):
        print(f"  {count} fitting requests refused: {rule}")
    if "500" in told["statuses"]:
        sys.exit("there was a 500")
    # Else the ids have gone stale, and the run shows nothing but refusals.
    if run.returncode == 0 and good < 500:
        sys.exit("too few calls were answered")
    sys.exit(run.returncode)


if __name__ == "__main__":
    main(sys.argv[1])
