# SPDX-License-Identifier: Apache-2.0
"""The table, the processes and the folders that each part of a measurement uses."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from stack import Stack, free_port, http, wait_until  # noqa: E402

MODE = os.environ.get("NENGHAO_MODE", "release")
BIN = ROOT / "build" / MODE
QUANTITIES = """voltage_l1_n_v voltage_l2_n_v voltage_l3_n_v current_l1_a current_l2_a current_l3_a
active_power_l1_w active_power_l2_w active_power_l3_w active_power_w apparent_power_va
reactive_power_var power_factor frequency_hz active_energy_import_kwh active_energy_export_kwh
active_energy_total_kwh reactive_energy_total_kvarh active_energy_import_l1_kwh
active_energy_import_l2_kwh""".split()
GATEWAYS, UNITS = 40, 25
METERS = GATEWAYS * UNITS
HERTZ = os.sysconf("SC_CLK_TCK")

PARTS = []


class Part:
    def __init__(self, name, head, needs, is_long, function):
        self.name, self.head, self.needs, self.is_long = name, head, needs, is_long
        self.function = function


def part(name, head=None, needs=(), is_long=False):
    """head: the line above its rows, None if it continues the part before; needs: programs without which
    it is left out; is_long: --quick leaves it out."""
    def add(function):
        PARTS.append(Part(name, head, needs, is_long, function))
        return function
    return add


# ---- the table ----
def number(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


class Table:
    ROW = "{:<58} {:>12} {:>12} {:>7}  {:<16} {}"

    def __init__(self, is_quick=False):
        self.is_quick = is_quick
        self.part = ""  # being measured
        self.named = ""  # the last row that is not a detail of another
        self.met, self.short, self.left_out = 0, [], []
        print(self.ROW.format("", "ours", "yardstick", "ratio", "target", ""), flush=True)

    def rounds(self, n):
        return 1 if self.is_quick else n

    def head(self, text):
        print(f"\n{text} (load {os.getloadavg()[0]:.1f})", flush=True)

    def row(self, name, ours, yardstick=None, ratio=None, target="", good=None):
        """good: None where there is no target."""
        if ratio is None and yardstick:
            ratio = ours / yardstick
        self.named = self.named if name.startswith(" ") else name
        self.met += good is True
        if good is False:
            detail = f": {name.strip()}" if self.named != name else ""
            self.short.append(f"{self.part}: {self.named}{detail}: {number(ours)}"
                              f"{'' if ratio is None else f', ratio {ratio:.2f}'}, target {target}")
        verdict = {None: "", True: "ok", False: "SHORT"}[good]
        print(self.ROW.format(name, number(ours), number(yardstick),
                              "" if ratio is None else f"{ratio:.2f}", target, verdict).rstrip(),
              flush=True)

    def at_most(self, name, ours, limit, yardstick=None, unit=""):
        self.row(name, ours, yardstick, None, f"<= {number(float(limit))} {unit}".rstrip(),
                 ours <= limit)

    def at_least(self, name, ours, limit, yardstick=None, unit=""):
        self.row(name, ours, yardstick, None, f">= {number(float(limit))} {unit}".rstrip(),
                 ours >= limit)

    def ratio_at_most(self, name, ours, yardstick, limit):
        self.row(name, ours, yardstick, ours / yardstick, f"ratio <= {limit}",
                 ours / yardstick <= limit)

    def ratio_at_least(self, name, ours, yardstick, limit):
        self.row(name, ours, yardstick, ours / yardstick, f"ratio >= {limit}",
                 ours / yardstick >= limit)


# ---- processes ----
def cpu_us(process):
    """CPU time of a running process and its threads, also of those that have ended."""
    fields = pathlib.Path(f"/proc/{process.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / HERTZ


def rss_mb(process):
    text = pathlib.Path(f"/proc/{process.child.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Helper:
    """A measuring program that answers each line on its standard input with one of its own."""

    def __init__(self, name, *arguments):
        self.child = subprocess.Popen([BIN / "bench" / name, *map(str, arguments)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      start_new_session=True)
        self.first = self.child.stdout.readline()
        if not self.first:
            raise RuntimeError(f"{name} did not start")

    def ask(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return self.child.stdout.readline()

    def totals(self):
        return json.loads(self.ask())

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Trial:
    """A folder with a broker and whatever one part starts; all ended at its end."""

    def __init__(self, folder, name):
        self.stack = Stack(folder / name, MODE)
        self.folder = self.stack.folder
        self.helpers = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for helper in reversed(self.helpers):
            helper.close()
        self.stack.close()

    def helper(self, name, *arguments):
        helper = Helper(name, *arguments)
        self.helpers.append(helper)
        return helper

    def bench(self, name, *arguments, timeout=600):
        done = self.stack.run(BIN / "bench" / name, *arguments, timeout=timeout)
        return done.stdout

    def fleet(self, delay_ms, units=UNITS):
        fleet = self.helper("modbus_fleet", GATEWAYS, units, delay_ms)
        return fleet, fleet.first.split()

    def agent_config(self, ports, quantities=QUANTITIES, broker=None, units=UNITS):
        config = self.folder / "agent.yaml"
        wanted = f", quantities: [{', '.join(quantities)}]" if quantities else ""
        lines = [
            'agent: {id: bench, region: "370102"}',
            f"mqtt: {{url: 'tcp://127.0.0.1:{broker or self.stack.broker_port}'}}",
            f"spool: {{path: {self.folder}/spool.db, max_size: 4G}}",
            f"control: {{socket: {self.folder}/agent.sock}}",
            "interval: 1s",
            f"profiles: [{ROOT}/config/profiles]",
            "buses:"]
        for gateway, port in enumerate(ports, 1):
            lines += [f"  - name: gateway-{gateway}", f"    tcp: {{host: 127.0.0.1, port: {port}}}",
                      "    meters:"]
            lines += [f"      - {{id: 370102-{gateway:04}-e{unit:02}, unit: {unit}, "
                      f"profile: eastron_sdm630{wanted}}}" for unit in range(1, units + 1)]
        config.write_text("\n".join(lines) + "\n")
        return config

    def server_config(self, registry, tsdb="[]"):
        self.http_port = free_port()
        config = self.folder / "server.yaml"
        config.write_text(f"""
server: {{region: "370100", timezone: Asia/Shanghai}}
mqtt: {{url: 'tcp://127.0.0.1:{self.stack.broker_port}', client_id: nenghao-bench}}
tsdb: {tsdb}
ledger: {{path: {self.folder}/ledger.db}}
registry: {registry}
regions: {ROOT}/config/regions.yaml
factors: {ROOT}/config/factors
http: {{listen: '127.0.0.1:{self.http_port}', rate: 0}}
""")
        return config

    def metric(self, name):
        try:
            _, _, body = http("GET", f"http://127.0.0.1:{self.http_port}/metrics", timeout=5)
        except OSError:
            return None
        found = re.search(rf"^nenghao_{name} (\d+)", body.decode(), re.M)
        return int(found.group(1)) if found else None

    def start_server(self, config, seconds=60):
        """The process, once it is connected to the broker, and the seconds that took."""
        began = time.monotonic()
        server = self.stack.server(config)
        wait_until(lambda: self.metric("broker_connected") or not server.is_running(), seconds,
                   "the server is connected")
        if not server.is_running():
            raise RuntimeError(server.log())
        return server, time.monotonic() - began


def write_registry(folder, institutions, meters):
    """Institutions of 100 meters, as the load generator names them."""
    folder = folder / "institutions"
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(1, institutions + 1):
        name = f"370102-{i:04}"
        lines = [f"id: {name}", f"name: 机构{i}", "type: government", 'region: "370102"',
                 "headcount: [{from: 2020-01-01, persons: 100}]", "buildings:",
                 "  - {id: main, name: 主楼, class: A, area: [{from: 2012-06-01, m2: 9000}]}", "meters:"]
        lines += [f"  - {{id: {name}-e{k:02}, building: main, carrier: electricity, item: '01000', "
                  "role: main, quantity: active_energy_import_kwh, interval: 60s, "
                  "lives: [{serial: '1', from: 2023-01-01, ratio: 1}], rated_kw: 4000}" for k in range(meters)]
        (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    return folder.parent
