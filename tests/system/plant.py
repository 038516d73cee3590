# SPDX-License-Identifier: Apache-2.0
"""A small building with everything around it, on a clock that runs fast: for the system tests.

Plant(stack).start() has a broker, a database, simulated meters, one agent and one server running;
each can be killed and started again.
"""
import datetime
import json
import time

import yaml

from stack import ROOT, free_port, http, wait_until

ZONE = datetime.timezone(datetime.timedelta(hours=8))
INSTITUTION = "370102-0001"

# bus, unit, profile, load of the simulator, amount a year, ratio of the registry, carrier, item, role,
# quantity on the wire
METERS = {
    "e01": ("riser", 1, "eastron_sdm630", "office.power", 900000, 40, "electricity", "01000", "main",
            "active_energy_import_kwh"),
    "e02": ("riser", 2, "chint_dtsu666", "office.lighting", 120000, 20, "electricity", "01A00", "sub",
            "active_energy_import_kwh"),
    "e03": ("gateway", 1, "abb_b23_b24", "office.hvac", 160000, 1, "electricity", "01B00", "sub",
            "active_energy_import_kwh"),
    "e04": ("gateway", 2, "eastron_sdm120", "office.special", 40000, 1, "electricity", "01D00", "sub",
            "active_energy_import_kwh"),
    "w01": ("gateway", 3, "wirenboard_mcm8", "office.water", 9000, 1, "water", "02000", "main",
            "volume_total_m3"),
}
PULSE = {"volume": 0.01, "index": 1200.5}


def meter_id(short):
    return f"{INSTITUTION}-{short}"


def local(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, ZONE)


class Plant:
    """start_local: what the bent clock shows when the plant is made; speed: how fast it runs."""

    def __init__(self, stack, start_local=None, speed=1, interval="60s", meters=None, tsdb=True):
        self.stack, self.speed, self.interval, self.tsdb = stack, speed, interval, tsdb
        self.meters = dict(METERS if meters is None else meters)
        self.folder = stack.folder
        self.mono_start = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)
        if start_local is None:
            self.utc_start = int(time.time() * 1000)
        else:
            moment = datetime.datetime.fromisoformat(start_local).replace(tzinfo=ZONE)
            self.utc_start = int(moment.timestamp() * 1000)
        stack.env["NENGHAO_CLOCK"] = f"{self.utc_start}@{self.mono_start}x{speed}"
        self.http_port = free_port()
        self.faults = {}
        self.token = None

    def now_ms(self):
        """What the plant's clock shows."""
        mono = time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
        return int(self.utc_start + (mono - self.mono_start) * self.speed)

    # ---- files ----
    def write_campus(self):
        buses = []
        for name, link in (("riser", {"rtu": {"device": "riser", "baud": 9600}}),
                           ("gateway", {"tcp": {"listen": "127.0.0.1", "port": 0}})):
            meters = []
            for short, (bus, unit, profile, load, year, ratio, *_) in self.meters.items():
                if bus != name:
                    continue
                meter = {"id": meter_id(short), "unit": unit, "profile": profile, "load": load,
                         "year": year, "ratio": ratio, "faults": self.faults.get(short, [])}
                if profile == "wirenboard_mcm8":
                    meter.update(channel=1, pulse=PULSE)
                else:
                    meter["initial"] = 1000 + 37 * unit
                meters.append(meter)
            if meters:
                buses.append({"name": name, **link, "meters": meters})
        campus = {"campus": {"name": "test", "seed": 7, "timezone": "Asia/Shanghai",
                             "start": "2023-01-01"},
                  "profiles": [str(ROOT / "config" / "profiles")], "buses": buses}
        self.campus = self.folder / "campus.yaml"
        self.campus.write_text(yaml.safe_dump(campus, allow_unicode=True))

    def write_registry(self, **changes):
        """changes: short meter id -> dict laid over the meter's entry."""
        meters = []
        for short, (_, _, _, _, _, ratio, carrier, item, role, quantity) in self.meters.items():
            meter = {"id": meter_id(short), "building": "main", "carrier": carrier, "item": item,
                     "role": role, "quantity": quantity, "interval": self.interval,
                     "lives": [{"serial": "1", "from": "2023-01-01", "ratio": ratio}]}
            if role == "sub" and "e01" in self.meters:
                meter["parent"] = meter_id("e01")
            meter.update(changes.get(short, {}))
            meters.append(meter)
        institution = {
            "id": INSTITUTION, "name": "历下区档案馆", "uscc": "12370102000000019Q",
            "type": "culture", "region": "370102",
            "headcount": [{"from": "2020-01-01", "persons": 312}],
            "buildings": [{"id": "main", "name": "主楼", "class": "A",
                           "area": [{"from": "2012-06-01", "m2": 18500}]}],
            "meters": meters}
        folder = self.folder / "registry" / "institutions"
        folder.mkdir(parents=True, exist_ok=True)
        # A text such as 2023-01-01 stays a plain scalar, region keeps its quotes.
        (folder / f"{INSTITUTION}.yaml").write_text(
            yaml.dump(institution, allow_unicode=True, sort_keys=False, Dumper=PlainDates))

    def write_server(self, **changes):
        config = {
            "server": {"region": "370100", "timezone": "Asia/Shanghai"},
            "mqtt": {"url": f"tcp://127.0.0.1:{self.stack.broker_port}"},
            "ledger": {"path": str(self.folder / "ledger.db")},
            "registry": str(self.folder / "registry"),
            "regions": str(ROOT / "config" / "regions.yaml"),
            "factors": str(ROOT / "config" / "factors"),
            "statistics": str(ROOT / "config" / "statistics"),
            "http": {"listen": f"127.0.0.1:{self.http_port}"}}
        if self.tsdb:
            config["tsdb"] = [{"kind": "influxdb1", "database": "nenghao",
                               "url": f"http://127.0.0.1:{self.stack.influx_port}"}]
        config.update(changes)
        self.server_config = self.folder / "server.yaml"
        self.server_config.write_text(yaml.safe_dump(config))

    def write_agent(self, where, **changes):
        where = {bus["name"]: bus for bus in where["buses"]}
        buses = []
        for name in where:
            bus = {"name": name}
            if name == "riser":
                bus["rtu"] = {"device": where[name]["device"], "baud": 9600, "parity": "N",
                              "stop_bits": 1}
            else:
                bus["tcp"] = {"host": "127.0.0.1", "port": where[name]["port"]}
            bus["meters"] = []
            for short, (on, unit, profile, *_) in self.meters.items():
                if on == name:
                    meter = {"id": meter_id(short), "unit": unit, "profile": profile}
                    if profile == "wirenboard_mcm8":
                        meter.update(channel=1, pulse=PULSE)
                    bus["meters"].append(meter)
            buses.append(bus)
        config = {"agent": {"id": "test-a1", "region": "370102"},
                  "mqtt": {"url": f"tcp://127.0.0.1:{self.stack.broker_port}"},
                  "spool": {"path": str(self.folder / "spool.db")},
                  "control": {"socket": str(self.folder / "agent.sock")},
                  "interval": self.interval, "profiles": [str(ROOT / "config" / "profiles")],
                  "buses": buses}
        config.update(changes)
        self.agent_config = self.folder / "agent.yaml"
        self.agent_config.write_text(yaml.safe_dump(config))

    # ---- life ----
    def start(self):
        self.broker = self.stack.mosquitto()
        if self.tsdb:
            self.database = self.stack.influxdb()
        self.write_campus()
        self.write_registry()
        self.write_server()
        self.sim, where = self.stack.simulator(self.campus)
        self.write_agent(where)
        self.token = self.add_token("test", "--region", "370100", "--grade", "L3")
        self.server = self.stack.server(self.server_config)
        self.agent = self.stack.agent(self.agent_config)
        self.wait_ready()
        return self

    def add_token(self, name, *options):
        done = self.stack.run(self.stack.program("server"), "token", "add", name, *options,
                              "-c", self.server_config)
        return done.stdout.splitlines()[-1]

    def wait_ready(self):
        def answers():
            servers = [p for p in self.stack.processes if p.name.startswith("server")]
            assert any(p.is_running() for p in servers), servers[-1].log()
            return self.get_quietly("/healthz")

        wait_until(answers, 30, "the server answers")

    def wait_hears(self):
        """Until the server would hear an agent: what is sent before is lost."""
        self.wait_ready()
        wait_until(lambda: self.metric_quietly("nenghao_broker_connected") == 1, 20, "the broker is connected")

    # ---- questions ----
    def get_quietly(self, path):
        try:
            status, _, body = http("GET", f"http://127.0.0.1:{self.http_port}{path}",
                                   token=self.token, timeout=10)
            return json.loads(body) if status == 200 else None
        except (OSError, ValueError):
            return None

    def get(self, path):
        status, _, body = http("GET", f"http://127.0.0.1:{self.http_port}{path}", token=self.token)
        assert status == 200, (path, status, body)
        # Decimal texts stay exact: figures are compared to the last digit.
        return json.loads(body, parse_float=str, parse_int=str)

    def metric(self, line):
        text = http("GET", f"http://127.0.0.1:{self.http_port}/metrics")[2].decode()
        found = [row.split(" ")[-1] for row in text.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else None

    def metric_quietly(self, line):
        try:
            return self.metric(line)
        except OSError:
            return None

    def agent_status(self):
        done = self.stack.run(self.stack.program("agent"), "status", "--json", "-c",
                              self.agent_config, check=False, timeout=10)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def readings(self, short, from_ms, to_ms):
        """[(UTC ms, text)] of the ledger."""
        answer = self.get(f"/api/v1/meters/{meter_id(short)}/readings?"
                          f"from={stamp(from_ms)}&to={stamp(to_ms)}")
        return [(round(datetime.datetime.fromisoformat(r["time"]).timestamp() * 1000), r["register"])
                for r in answer["readings"]]

    def account(self, from_ms, at_ms):
        done = self.stack.run(self.stack.program("sim"), "account", "-c", self.campus, "--from",
                              iso(from_ms), "--at", iso(at_ms), "--json")
        return {meter["meter"]: meter for meter in json.loads(done.stdout)["meters"]}


class PlainDates(yaml.SafeDumper):
    """Dates as plain scalars, codes of digits in quotes."""


def _text(dumper, text):
    style = "'" if text.isdigit() else None
    tag = "tag:yaml.org,2002:str"
    if len(text) == 10 and text[4:8:3] == "--":
        return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)
    return dumper.represent_scalar(tag, text, style=style)


PlainDates.add_representer(str, _text)


def iso(ms):
    return local(ms).isoformat(timespec="milliseconds")


def stamp(ms):
    return iso(ms).replace("+", "%2B")
