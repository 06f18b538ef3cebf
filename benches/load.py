#!/usr/bin/env python3
"""Measures the gateway against plain nginx in front of the same simulated system, in one run.

Needs: wrk, hey and nginx on the PATH, and a built `intertie`.

    cargo build --profile dist
    python3 benches/load.py target/dist/intertie

Three processes share the machine: the simulated system, nginx or the gateway, and the load generator, all on loopback.
What is compared is the CPU time of the gateway's own process per request (user + system, from /proc/<pid>/stat) with that
of nginx's workers, round by round; the table shows medians. Absolute times depend on the machine, ratios much less.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")
CLIENT = ("intertie-sandbox", "s4nd+b0x/Only==")


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def rss_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(command, ready):
    """Starts a process and waits for the line on its stdout that begins with `ready`."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENV})
    for line in process.stdout:
        if line.startswith(ready):
            return process, line.split()[-1]
    sys.exit(f"{command[0]} ended before it was ready")


def get(url, headers=None, data=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read()


def wrk(url, headers, seconds, connections):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    text = subprocess.run(command + [url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"the load met errors:\n{text}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    return requests, requests / seconds


def at_rate(url, headers, seconds, rate, connections):
    command = ["hey", "-z", f"{seconds}s", "-c", str(connections), "-q", str(max(1, rate // connections))]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    text = subprocess.run(command + [url], capture_output=True, text=True, check=True).stdout
    statuses = re.findall(r"\[(\d+)\]\s+\d+ responses", text)
    if statuses != ["200"]:
        sys.exit(f"the load met errors:\n{text}")
    return float(re.search(r"99%+ in ([0-9.]+) secs", text).group(1)) * 1000


ENV = {"LOAD_SECRET": CLIENT[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    args = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="intertie-load-"))
    running = []
    try:
        system, address = start([args.binary, "simulate", "gentrack", "--listen", "127.0.0.1:0"], "ready")
        running.append(system)
        base = f"{address}/gentrack"
        basic = base64.b64encode(":".join(CLIENT).encode()).decode()
        form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        token = json.loads(get(f"{base}/id/v1/token", form, b"grant_type=client_credentials"))["access_token"]

        key = "load-test-key"
        digest = subprocess.run(["sha256sum"], input=key, capture_output=True, text=True).stdout.split()[0]
        # Everything as it is shipped, but for the rate of one caller.
        config = folder / "intertie.toml"
        config.write_text(f"""
[server]
listen = "127.0.0.1:0"
[log]
format = "json"
[rates]
callers = {{ requests = 1000000 }}
[[callers]]
name = "load"
key_sha256 = "{digest}"
scopes = ["accounts:read", "bills:read", "meters:read", "ops:read"]
[[backends]]
name = "gentrack-au"
kind = "gentrack"
base_url = "{base}/v1"
token_url = "{base}/id/v1/token"
client_id = "{CLIENT[0]}"
client_secret = {{ env = "LOAD_SECRET" }}
time_zone = "Australia/Sydney"
""")
        log = open(folder / "log", "w")

        def serve():
            process = subprocess.Popen(
                [args.binary, "serve", "--config", str(config)],
                stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **ENV})
            running.append(process)
            return process, next(line.split()[-1] for line in process.stdout if line.startswith("ready"))

        gateway, front = serve()

        host = address.removeprefix("http://")
        port = 20000 + os.getpid() % 20000
        nginx_conf = folder / "nginx.conf"
        nginx_conf.write_text(f"""
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000;
  upstream system {{ server {host}; keepalive 512; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{
    proxy_pass http://system; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Authorization "Bearer {token}"; proxy_set_header Accept application/json; }} }}
}}
""")
        nginx = subprocess.Popen(["nginx", "-c", str(nginx_conf), "-g", "daemon off;"])
        running.append(nginx)
        time.sleep(1)

        account, point = "90000001", "9100001"
        work = {
            "bills": (f"/gentrack/v1/accounts/{account}/bills", f"/v1/accounts/gentrack-au:{account}/bills"),
            "readings": (
                f"/gentrack/v1/service-points/{point}/meter-read-history?fromDate=2026-06-01&toDate=2026-06-30",
                f"/v1/service-points/gentrack-au:{account}~sp~{point}/readings?from=2026-06-01&to=2026-07-01&limit=200",
            ),
        }
        bearer = {"Authorization": f"Bearer {key}"}
        for name, (_, path) in work.items():
            body = get(front + path, bearer)
            print(f"{name}: {len(json.loads(body)['data'])} records, {len(body)} bytes from the gateway, "
                  f"{len(get(f'http://127.0.0.1:{port}{work[name][0]}'))} bytes from the system")

        rows = {}
        for _ in range(args.rounds):
            for name, (direct, path) in work.items():
                for who, url, headers, pids in (
                    ("nginx", f"http://127.0.0.1:{port}{direct}", {}, children(nginx.pid)),
                    ("gateway", front + path, bearer, [gateway.pid]),
                ):
                    before = cpu_seconds(pids)
                    requests, rate = wrk(url, headers, args.seconds, args.connections)
                    spent = (cpu_seconds(pids) - before) / requests * 1_000_000
                    rows.setdefault((name, who), []).append((spent, rate))
        print(f"\n{'':10} {'nginx, ms CPU/1000':>20} {'gateway, ms CPU/1000':>22} {'ratio (median)':>15} {'gateway peak/s':>15}")
        for name in work:
            n, g = rows[name, "nginx"], rows[name, "gateway"]
            ratio = statistics.median(b[0] / a[0] for a, b in zip(n, g))
            print(f"{name:10} {statistics.median(x[0] for x in n):20.1f} {statistics.median(x[0] for x in g):22.1f} "
                  f"{ratio:15.2f} {statistics.median(x[1] for x in g):15.0f}")

        peak = statistics.median(rate for _, rate in rows["bills", "gateway"])
        rate = int(peak * 0.3)
        direct, path = work["bills"]
        own = at_rate(f"{address}{direct}", {"Authorization": f"Bearer {token}"}, args.seconds, rate, 16)
        ours = at_rate(front + path, bearer, args.seconds, rate, 16)
        print(f"\np99 of bills at 30 % of peak ({rate}/s): {ours:.2f} ms, the system alone {own:.2f} ms, over it {ours - own:.2f} ms")
        # At 256 connections, in a process that has done nothing else, and in the one that has done all of the above.
        for what, (process, at) in (("a new process", serve()), ("this one", (gateway, front))):
            load = threading.Thread(target=wrk, args=(at + work["bills"][1], bearer, args.seconds, 256))
            load.start()
            time.sleep(args.seconds * 0.8)
            print(f"resident memory at 256 connections, {what}: {rss_mib(process.pid) * 1.048576:.1f} MB")
            load.join()
        return 0
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
