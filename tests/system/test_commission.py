# SPDX-License-Identifier: Apache-2.0
"""Commissioning commands against simulated meters, beside a running agent and without one."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import tty

import pytest
import yaml

from stack import ROOT, free_port, wait_until

PROFILES = str(ROOT / "config" / "profiles")
METERS = {
    "riser": [("e1", 1, "eastron_sdm630", "office.power", 900000),
              ("e2", 5, "chint_dtsu666", "office.lighting", 120000)],
    "slow": [("s1", 2, "eastron_sdm630", "office.hvac", 90000)],
    "gateway": [("a1", 1, "abb_b23_b24", "office.hvac", 160000),
                ("a2", 7, "eastron_sdm630", "office.special", 40000)],
}
LINKS = {"riser": {"rtu": {"device": "riser", "baud": 9600}},
         "slow": {"rtu": {"device": "slow", "baud": 2400}},
         "gateway": {"tcp": {"listen": "127.0.0.1", "port": 0}}}


class Site:
    """A few meters, and what the agent needs to know about them."""

    def __init__(self, stack, faults=None):
        self.stack = stack
        buses = [{"name": name, **LINKS[name], "meters": [
            {"id": id_, "unit": unit, "profile": profile, "load": load, "year": year,
             "initial": 1000 + 37 * unit, "faults": (faults or {}).get(id_, [])}
            for id_, unit, profile, load, year in meters]} for name, meters in METERS.items()]
        campus = stack.folder / "campus.yaml"
        campus.write_text(yaml.safe_dump({
            "campus": {"name": "t", "seed": 7, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
            "profiles": [PROFILES], "buses": buses}))
        _, where = stack.simulator(campus)
        self.where = {bus["name"]: bus for bus in where["buses"]}
        self.device = self.where["riser"]["device"]
        self.port = self.where["gateway"]["port"]

    def line(self, name):
        bus = self.where[name]
        if bus["kind"] == "tcp":
            return ["--tcp", f"127.0.0.1:{bus['port']}"]
        return ["--rtu", f"{bus['device']}:{bus['baud']}:8N1"]

    def write_agent(self, interval="1s", buses=("riser", "gateway"), port=None, **changes):
        entries = []
        for name in buses:
            bus = self.where[name]
            link = ({"tcp": {"host": "127.0.0.1", "port": port or bus["port"]}}
                    if bus["kind"] == "tcp" else
                    {"rtu": {"device": bus["device"], "baud": bus["baud"]}})
            entries.append({"name": name, **link, "meters": [
                {"id": id_, "unit": unit, "profile": profile}
                for id_, unit, profile, *_ in METERS[name]]})
        self.config = self.stack.folder / "agent.yaml"
        self.config.write_text(yaml.safe_dump({
            "agent": {"id": "t-a1", "region": "370102"},
            "mqtt": {"url": f"tcp://127.0.0.1:{free_port()}"},
            "spool": {"path": str(self.stack.folder / "spool.db")},
            "control": {"socket": str(self.stack.folder / "agent.sock")},
            "interval": interval, "profiles": [PROFILES], "buses": entries, **changes}))
        return self.config

    def run(self, *words, check=True, timeout=120, lang="C", is_json=True):
        """(answer, stdout): the answer parsed if JSON was wanted."""
        options = ["--json"] if is_json else []
        done = self.stack.run(self.stack.program("agent"), *words, *options, check=check,
                              timeout=timeout, env={"LC_ALL": lang, "XDG_RUNTIME_DIR":
                                                    str(self.stack.folder)})
        return (json.loads(done.stdout) if is_json and done.stdout else done), done.stdout

    def read(self, *words):
        return self.run("read", *words)[0]["values"]

    def status(self):
        return self.run("status", "-c", self.config)[0]


class Proxy:
    """Stands before a TCP port and keeps every byte in both directions."""

    def __init__(self, port):
        self.to, self.seen, self.answers = port, b"", b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self.pump, args=(near, far), daemon=True).start()

    def pump(self, near, far):
        while True:
            for ready in select.select([near, far], [], [])[0]:
                data = ready.recv(4096)
                if not data:
                    near.close()
                    far.close()
                    return
                if ready is near:
                    self.seen += data
                    far.sendall(data)
                else:
                    self.answers += data
                    near.sendall(data)

    def functions(self):
        """The function codes of all requests seen: each is 12 bytes."""
        assert len(self.seen) % 12 == 0
        return {self.seen[i + 7] for i in range(0, len(self.seen), 12)}


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Wire:
    """A pseudo-terminal whose devices answer as the test says."""

    def __init__(self, answer):
        self.answer = answer
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.device = os.ttyname(slave)
        self.slave = slave
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        pending = b""
        while True:
            try:
                pending += os.read(self.master, 256)
            except OSError:
                return
            while len(pending) >= 8:
                request, pending = pending[:8], pending[8:]
                reply = self.answer(request)
                if reply:
                    os.write(self.master, reply)


def registers_answer(request, registers):
    unit, function, address, count = struct.unpack(">BBHH", request[:6])
    if any(a not in registers for a in range(address, address + count)):
        reply = struct.pack(">BBB", unit, function | 0x80, 2)
    else:
        values = [registers[a] for a in range(address, address + count)]
        reply = struct.pack(f">BBB{count}H", unit, function, 2 * count, *values)
    return reply + crc(reply)


def check_yaml(site, text):
    """What scan printed, with a head, is accepted by check."""
    config = site.stack.folder / "found.yaml"
    config.write_text("agent: {id: a1, region: '370102'}\nmqtt: {url: tcp://localhost}\n"
                      f"profiles: [{PROFILES}]\n{text}")
    return site.run("check", "-c", config)[0]


# ---- scan ----
@pytest.mark.sanitize
def test_scan_finds_who_is_on_a_gateway(stack):
    site = Site(stack)
    proxy = Proxy(site.port)
    answer, _ = site.run("scan", "--tcp", f"127.0.0.1:{proxy.port}", "--profiles", PROFILES)
    found = {item["unit"]: item["profile"] for item in answer["found"]}
    assert found == {1: "abb_b23_b24", 7: "eastron_sdm630"}
    assert check_yaml(site, answer["yaml"])["meters"] == 2
    assert proxy.functions() <= {1, 2, 3, 4}


def test_scan_finds_the_baud_rate(stack):
    site = Site(stack)
    answer, _ = site.run("scan", "--rtu", site.where["slow"]["device"], "--bauds", "9600,2400",
                         "--formats", "8N1,8E1", "--units", "1-3", "--timeout", "150",
                         "--profiles", PROFILES)
    assert [(i["unit"], i["baud"], i["parity"], i["profile"]) for i in answer["found"]] == \
        [(2, 2400, "N", "eastron_sdm630")]
    checked = check_yaml(site, answer["yaml"])
    assert checked["ok"] and checked["meters"] == 1
    assert "baud: 2400" in answer["yaml"]


def test_scan_tells_two_devices_at_one_id(stack):
    site = Site(stack)

    def both_at_once(request):
        if request[0] != 3:
            return b""
        one = registers_answer(request, {0: 1, 1: 2})
        other = registers_answer(request, {0: 0x5555, 1: 9})
        return bytes(a & b for a, b in zip(one, other))

    wire = Wire(both_at_once)
    answer, _ = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "2-4", "--timeout",
                         "100", "--profiles", PROFILES)
    assert [(i["unit"], i["answer"]) for i in answer["found"]] == [(3, "garbled")]
    _, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout", "100",
                       "--profiles", PROFILES, is_json=False)
    assert "two devices at one id" in text


def test_what_is_garbled_at_one_setting_is_found_at_another(stack):
    """A pseudo-terminal has no parity: the device itself answers rightly from its second setting on."""
    site = Site(stack)
    asked = []

    def wrong_at_first(request):
        if request[0] != 3:
            return b""
        asked.append(request)
        right = registers_answer(request, {0: 1, 1: 2})
        return right if len(asked) > 2 else bytes(b | 0x80 for b in right)

    wire = Wire(wrong_at_first)
    words = ["scan", "--rtu", f"{wire.device}:9600:8N1", "--units", "2-4", "--timeout", "100",
             "--formats", "8N1,8E1", "--profiles", PROFILES]
    answer, _ = site.run(*words)
    assert [(i["unit"], i["answer"], i["parity"]) for i in answer["found"]] == [(3, "ok", "E")]
    asked.clear()
    _, text = site.run(*words, is_json=False)
    assert "GARBLED" in text and re.search(r"unit +3 +9600:8E1 +answers", text)
    assert "# two devices at one id" not in text


def test_noise_of_swapped_wires_is_garbled_and_comes_with_hints(stack):
    """A and B the wrong way round: each byte inverted, and not a frame among them."""
    site = Site(stack)
    wire = Wire(lambda request: bytes(b ^ 0xFF for b in registers_answer(request, {0: 1, 1: 2})))
    answer, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout",
                            "100", "--profiles", PROFILES)
    assert [i["answer"] for i in answer["found"]] == ["garbled"]
    assert check_yaml(site, answer["yaml"])["meters"] == 0
    _, text = site.run("scan", "--rtu", f"{wire.device}:9600", "--units", "3", "--timeout", "100",
                       "--profiles", PROFILES, is_json=False)
    for hint in ("GARBLED", "A and B", "120 ohm", "baud"):
        assert hint in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_terminal_shows_how_long_a_scan_takes_and_ctrl_c_ends_it(stack):
    site = Site(stack)
    master, slave = pty.openpty()
    child = subprocess.Popen([stack.program("agent"), "scan", *site.line("riser"), "--units",
                              "1-200", "--profiles", PROFILES], stdin=slave, stdout=slave,
                             stderr=slave, env={**os.environ, "LC_ALL": "C"},
                             preexec_fn=lambda: (os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY)))
    os.close(slave)
    seen = ""

    def read_until(condition):
        nonlocal seen
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                seen += os.read(master, 4096).decode()
            except OSError:  # it has ended
                return

    read_until(lambda: "unit   5" in seen and re.search(r"\d+ %, about [\w ]+ left", seen))
    assert re.search(r"\[[#.]+\] +\d+ %, about [\w ]+ left", seen)
    os.write(master, b"\x03")
    read_until(lambda: False)
    assert child.wait(20) == 0
    assert "Interrupted" in seen
    found = seen.replace("\r\n", "\n").split("# paste into agent.yaml")[1].split("\n", 1)[1]
    assert check_yaml(site, found)["meters"] == 2
    widest = max(re.split(r"[\r\n]", seen), key=len)
    assert len(widest) <= 80, widest


def test_silence_comes_with_hints_in_both_languages(stack):
    site = Site(stack)
    words = ["scan", "--rtu", f"{Wire(lambda _: b'').device}:9600", "--units", "1-2", "--timeout",
             "50", "--profiles", PROFILES]
    _, text = site.run(*words, check=False, is_json=False)
    for hint in ("DL/T 645", "A and B", "120 ohm", "baud", "unit id"):
        assert hint in text
    assert all(len(line) <= 80 for line in text.splitlines())
    _, text = site.run(*words, check=False, is_json=False, lang="zh_CN.UTF-8")
    for hint in ("DL/T 645", "A、B", "终端电阻", "波特率", "地址"):
        assert hint in text


def test_ctrl_c_prints_what_was_found(stack):
    site = Site(stack)
    child = subprocess.Popen([stack.program("agent"), "scan", *site.line("riser"), "--units",
                              "1-200", "--profiles", PROFILES], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
    seen = ""
    while "unit   5" not in seen:
        seen += child.stdout.readline()
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=10)
    assert child.returncode == 0
    assert "profile: eastron_sdm630" in rest and "profile: chint_dtsu666" in rest
    assert "Interrupted" in errors


# ---- probe ----
DISPLAYS = [  # what the device holds, what its display shows, what is to be found
    ("float32, low word first", {0x10: 0xE6AE, 0x11: 0x4640}, "12345.67",
     ("float32", "low", "1", 0x10)),
    ("u32 of hundredths", {0x20: 0x0012, 0x21: 0xD687}, "12345.67", ("u32", "high", "0.01", 0x20)),
    ("1/800", {0x20: 0x0096, 0x21: 0xB438}, "12345.67", ("u32", "high", "1/800", 0x20)),
    ("a voltage", {0x30: 2301}, "230.1", ("u16", "high", "0.1", 0x30)),
    ("u64, odd address", {0x21: 0, 0x22: 2, 0x23: 0xDFDC, 0x24: 0x1C35}, "12345678.901",
     ("u64", "high", "0.001", 0x21)),
]


@pytest.mark.parametrize("case", DISPLAYS, ids=lambda case: case[0])
def test_probe_finds_type_order_and_scale(stack, case):
    _, registers, display, expected = case
    site = Site(stack)
    wire = Wire(lambda request: registers_answer(request, registers))
    answer, _ = site.run("probe", "--rtu", f"{wire.device}:9600", "--unit", "9", "--fc", "3",
                         "--from", "0x10", "--to", "0x30", "--display", display)
    best = answer["candidates"][0]
    assert (best["type"], best["word_order"], best["scale"], best["address"]) == expected


@pytest.mark.sanitize
def test_probe_again_narrows_down(stack):
    site = Site(stack)
    registers = {a: 0 for a in range(64)}
    registers.update({8: 0x0012, 9: 0xD687, 20: 0x4640, 21: 0xE6AE})
    wire = Wire(lambda request: registers_answer(request, registers))
    words = ["probe", "--rtu", f"{wire.device}:9600", "--unit", "9"]
    first, _ = site.run(*words, "--to", "40", "--display", "12345.67")
    assert {c["address"] for c in first["candidates"]} >= {8, 20}
    registers[9] = 0xD841
    again, _ = site.run(*words, "--again", "12350.09")
    # Not the float, which stood still; the 64 bits around it end in the same register.
    assert {(c["function"], c["address"] + {"u32": 2, "u64": 4}[c["type"]])
            for c in again["candidates"]} == {(3, 10), (4, 10)}
    kept = list(stack.folder.glob("nenghao-probe-*.json"))
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600


def test_probe_names_what_a_profile_knows(stack):
    site = Site(stack)
    line = ["--tcp", f"127.0.0.1:{site.port}", "--unit", "7", "--profiles", PROFILES]
    display = site.read(*line, "--profile", "eastron_sdm630")["active_energy_import_kwh"]
    answer, _ = site.run("probe", *line, "--profile", "eastron_sdm630", "--display", display)
    assert "active_energy_import_kwh" in [c["name"] for c in answer["candidates"]]
    answer, _ = site.run("probe", *line, "--fc", "4", "--to", "120", "--display", display)
    assert ("float32", 72) in [(c["type"], c["address"]) for c in answer["candidates"]]


# ---- read ----
def test_read_names_a_reversed_transformer(stack):
    site = Site(stack)
    values = {12: 2300.0, 14: -2310.0, 16: 2290.0, 52: 2280.0, 0: 230, 2: 231, 4: 229, 6: 10, 8: 10, 10: 10}
    registers = {a: 0 for a in range(400)}
    for address, value in values.items():
        registers[address], registers[address + 1] = struct.unpack(">HH", struct.pack(">f", value))
    wire = Wire(lambda request: registers_answer(request, registers))
    words = ["read", "--rtu", f"{wire.device}:9600", "--unit", "1", "--profile", "eastron_sdm630",
             "--profiles", PROFILES]
    answer, _ = site.run(*words)
    assert [(f["kind"], f["phase"]) for f in answer["findings"]] == [("reversed_ct", 2)]
    _, text = site.run(*words, is_json=False)
    assert "! L2: negative power -2310 W" in text
    assert re.search(r"voltage_l1_n_v +230 +4366 0000", text)


def test_read_asks_around_what_the_meter_refuses(stack):
    site = Site(stack)
    registers = {a: 0 for a in range(400) if a not in (14, 15)}  # no power of L2, whatever the map says
    registers[0], registers[1] = struct.unpack(">HH", struct.pack(">f", 230.5))

    wire = Wire(lambda request: registers_answer(request, registers))
    answer, _ = site.run("read", "--rtu", f"{wire.device}:9600", "--unit", "1", "--profile", "eastron_sdm630",
                         "--profiles", PROFILES)
    values = answer["values"]
    assert values["voltage_l1_n_v"] == 230.5
    assert [name for name in values if values[name] is None] == ["active_power_l2_w"]


def test_read_prints_a_life_for_the_registry(stack):
    site = Site(stack)
    site.write_agent()
    _, text = site.run("read", "e1", "--registry", "-c", site.config, is_json=False)
    life = yaml.safe_load(text.replace("ratio: ?", "ratio: 1").replace('"?"', '"1"'))
    assert life["quantity"] == "active_energy_import_kwh"
    assert life["lives"][0]["first"] > 1000 and life["lives"][0]["from"] is not None


# ---- beside a running agent ----
@pytest.mark.sanitize
def test_commands_do_not_hurt_a_running_agent(stack):
    site = Site(stack)
    config = site.write_agent()
    agent = stack.agent(config)
    wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    time.sleep(2)
    answer, _ = site.run("scan", "--bus", "riser", "-c", config, "--units", "1-6", "--timeout",
                         "150")
    assert {i["unit"]: i["profile"] for i in answer["found"]} == \
        {1: "eastron_sdm630", 5: "chint_dtsu666"}
    answer, _ = site.run("linetest", "--bus", "gateway", "--unit", "7", "--requests", "40", "-c",
                         config)
    assert answer["tests"][0]["answers"] == 40
    answer, _ = site.run("read", "a2", "--all", "-c", config)
    assert "thd_voltage_l1_pct" in answer["values"]
    display = answer["values"]["frequency_hz"]
    answer, _ = site.run("probe", "--bus", "gateway", "--unit", "7", "--fc", "4", "--from", "60",
                         "--to", "80", "--display", display, "-c", config, check=False)
    status = site.status()
    for meter in status["meters"]:
        assert meter["due"] > 5, meter
        assert meter["on_time"] >= meter["due"] - 1, meter
    # Nobody else gets the line meanwhile.
    done, _ = site.run("scan", "--rtu", site.device, "--units", "1", check=False, is_json=False)
    assert done.returncode == 1 and "in use by another program" in done.stderr
    assert "--bus NAME" in done.stderr
    assert agent.stop() == 0


def test_the_agent_waits_for_a_line_that_a_command_has(stack):
    site = Site(stack)
    scan = subprocess.Popen([stack.program("agent"), "scan", *site.line("riser"), "--units",
                             "100-120"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    agent = stack.agent(site.write_agent(buses=["riser"]))
    wait_until(lambda: "in use by another program" in agent.log(), 10, "the agent says why")
    scan.send_signal(signal.SIGINT)
    scan.wait(10)
    wait_until(lambda: "bus riser is open" in agent.log(), 40, "the agent has the line")


def test_a_scan_of_a_busy_line_makes_no_meter_late(stack):
    """A paced serial line, busy for two thirds of the time, with two dead meters on it."""
    units, dead, interval = range(1, 25), {4, 13}, 5
    campus = stack.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "line", "seed": 1, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [PROFILES],
        "buses": [{"name": "line", "rtu": {"device": "line", "baud": 9600, "pace": True},
                   "turnaround": "20ms",
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "load": "office.power", "year": 10000,
                               "faults": [{"kind": "silence"}] if u in dead else []}
                              for u in units]}]}))
    _, where = stack.simulator(campus)
    config = stack.folder / "agent.yaml"
    config.write_text(yaml.safe_dump({
        "agent": {"id": "line-a1", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{free_port()}"},
        "spool": {"path": str(stack.folder / "spool.db")},
        "control": {"socket": str(stack.folder / "agent.sock")},
        "interval": f"{interval}s", "profiles": [PROFILES],
        "buses": [{"name": "line", "rtu": {"device": where["buses"][0]["device"], "baud": 9600},
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "quantities": ["active_energy_import_kwh", "active_power_w",
                                              "voltage_l1_n_v", "current_l1_a"]}
                              for u in units]}]}))

    def run(*words):
        return json.loads(stack.run(stack.program("agent"), *words, "--json", "-c", config).stdout)

    def healthy():
        return {m["id"]: m for m in run("status")["meters"] if int(m["id"][2:]) not in dead}

    assert 0.6 < run("check")["buses"][0]["utilisation"] < 0.8
    stack.agent(config)
    wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    wait_until(lambda: all(m["state"] == "ok" for m in healthy().values()), 60, "all answer")
    before = healthy()
    start = time.monotonic()
    found = run("scan", "--bus", "line", "--units", "7,100-106")["found"]
    took = time.monotonic() - start
    time.sleep(max(0, 4 * interval - took))
    after = healthy()
    due = sum(after[m]["due"] - before[m]["due"] for m in after)
    on_time = sum(after[m]["on_time"] - before[m]["on_time"] for m in after)
    assert [(item["unit"], item["profile"]) for item in found] == [(7, "eastron_sdm630")]
    assert due >= 3 * len(after)
    assert on_time == due, (due, on_time)


# ---- linetest ----
def test_linetest_recommends_more_than_the_slowest_answer(stack):
    site = Site(stack, {"a2": [{"kind": "delay", "delay": "120ms", "from": "2020-01-01"}]})
    answer, _ = site.run("linetest", "--tcp", f"127.0.0.1:{site.port}", "--unit", "7",
                         "--requests", "30")
    test = answer["tests"][0]
    lost = {row["timeout_ms"]: row["lost"] for row in test["lost_by_timeout"]}
    assert test["answers"] == 30 and lost[100] == 30 and lost[300] == 0
    assert test["round_trip_ms"]["max"] < test["recommended_timeout_ms"] <= 500


def test_linetest_counts_damaged_answers(stack):
    site = Site(stack)
    count = [0]

    def every_third_damaged(request):
        count[0] += 1
        reply = registers_answer(request, {0: 1, 1: 2})
        return reply[:-1] + bytes([reply[-1] ^ 1]) if count[0] % 3 == 0 else reply

    wire = Wire(every_third_damaged)
    answer, _ = site.run("linetest", "--rtu", f"{wire.device}:9600", "--unit", "1", "--requests",
                         "30")
    assert answer["tests"][0]["outcomes"] == {"ok": 20, "crc": 10}


# ---- trace ----
def payload(frames, direction):
    return bytes.fromhex("".join(f["hex"] for f in frames if f["direction"] == direction))


@pytest.mark.parametrize("is_running", [False, True], ids=["alone", "beside run"])
def test_trace_shows_the_bytes_on_the_wire(stack, is_running):
    site = Site(stack)
    proxy = Proxy(site.port)
    config = site.write_agent(buses=["gateway"], port=proxy.port)
    if is_running:
        stack.agent(config)
        wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    answer, _ = site.run("trace", "a2", "--seconds", "4", "-c", config)
    sent, received = payload(answer["frames"], "sent"), payload(answer["frames"], "received")
    assert len(sent) >= 24
    assert all(sent[i + 6] == 7 for i in range(0, len(sent), 12)), "only this meter's"
    for i in range(0, len(sent), 12):
        assert sent[i:i + 12] in proxy.seen
    assert len(received) > len(sent) and received[:9] in proxy.answers
    if not is_running:
        assert sent == proxy.seen and received == proxy.answers
    _, text = site.run("trace", "a2", "--seconds", "2", "-c", config, is_json=False)
    assert re.search(r"^\d\d:\d\d:\d\d\.\d\d\d >( [0-9A-F]{2}){12}$", text, re.M)


def test_trace_needs_no_configuration(stack):
    site = Site(stack)
    answer, _ = site.run("trace", "--tcp", f"127.0.0.1:{site.port}", "--unit", "7", "--profile",
                         "eastron_sdm630", "--profiles", PROFILES, "--seconds", "2")
    assert payload(answer["frames"], "sent")[6] == 7
    done, _ = site.run("trace", "--tcp", f"127.0.0.1:{site.port}", check=False, is_json=False)
    assert done.returncode == 2 and "--unit" in done.stderr


# ---- read --watch ----
@pytest.mark.parametrize("is_running", [False, True], ids=["alone", "beside run"])
def test_watch_reads_again_until_ctrl_c(stack, is_running):
    site = Site(stack)
    config = site.write_agent(buses=["gateway"])
    if is_running:
        stack.agent(config)
        wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    child = subprocess.Popen([stack.program("agent"), "read", "a2", "--watch", "-c", config],
                             stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"})
    heads = 0
    for line in child.stdout:
        heads += line.startswith("meter a2 at ")
        if heads == 2:
            break
    child.send_signal(signal.SIGINT)
    child.stdout.read()
    assert child.wait(20) == 0


# ---- spool ----
def test_spool_tells_the_same_with_and_without_an_agent(stack):
    site = Site(stack)
    config = site.write_agent()
    done, _ = site.run("spool", "-c", config, check=False, is_json=False)
    assert done.returncode == 1 and "no spool" in done.stderr
    agent = stack.agent(config)
    wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")
    running = wait_until(lambda: next((a for a in [site.run("spool", "-c", config)[0]]
                                       if a["waiting"] >= 2), None), 20, "batches wait")
    assert running["running"] and running["oldest_waiting"] and running["bytes"] > 0
    agent.stop()
    alone, _ = site.run("spool", "-c", config)
    assert not alone["running"] and alone["waiting"] >= running["waiting"]
    assert alone["epoch"] == running["epoch"]
    assert alone["oldest_waiting"] == running["oldest_waiting"]
    _, text = site.run("spool", "-c", config, is_json=False, lang="zh_CN.UTF-8")
    assert "待送" in text


# ---- docs/commissioning.md, command by command ----
def skeleton(line):
    """What does not change from one trial to the next."""
    line = re.sub(r"(/[\w.-]+){2,}(/spool\.db)?", "PATH", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+([+-]\d\d:\d\d)?", "TIME", line)
    line = re.sub(r"(?:\b[0-9A-F]{2}\b ?){3,}", "FRAME", line)
    line = re.sub(r"[#.]{5,}", "BAR", line)
    line = re.sub(r"version [^,]+,", "version N,", line)
    line = re.sub(r"-?\d+(\.\d+)?(ms|s|m \d\ds)?", "N", line)
    return re.sub(r"\s+", " ", line).strip()


def test_the_document_is_true(stack):
    text = (ROOT / "docs" / "commissioning.md").read_text()
    campus = stack.folder / "campus.yaml"
    stuck = [{"kind": "stuck", "from": "2026-01-01"}]
    meters = [{"id": "370102-0001-e01", "unit": 1, "profile": "eastron_sdm630",
               "load": "office.power", "year": 900000},
              {"id": "370102-0001-e02", "unit": 5, "profile": "chint_dtsu666",
               "load": "office.lighting", "year": 120000}]
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "t", "seed": 7, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [PROFILES], "buses": [
            {"name": "riser-1", "rtu": {"device": "riser", "baud": 9600}, "meters": meters},
            {"name": "g", "tcp": {"listen": "127.0.0.1", "port": 0}, "meters": [
                {"id": "a", "unit": 1, "profile": "abb_b23_b24", "load": "office.hvac",
                 "year": 160000, "initial": 5000, "faults": stuck}]}]}))
    _, where = stack.simulator(campus)
    device, port = where["buses"][0]["device"], where["buses"][1]["port"]
    shown = json.loads(stack.run(
        stack.program("agent"), "read", "--tcp", f"127.0.0.1:{port}", "--unit", "1", "--profiles",
        PROFILES, "--profile", "abb_b23_b24", "--json").stdout)["values"]["active_energy_import_kwh"]
    config = stack.folder / "agent.yaml"
    config.write_text(yaml.safe_dump({
        "agent": {"id": "campus-a1", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{free_port()}"},
        "spool": {"path": str(stack.folder / "spool.db")},
        "control": {"socket": str(stack.folder / "agent.sock")},
        "interval": "1s", "profiles": [PROFILES],
        "buses": [{"name": "riser-1", "rtu": {"device": device, "baud": 9600}, "meters": [
            {key: meter[key] for key in ("id", "unit", "profile")} for meter in meters]}]}))
    stack.agent(config)
    wait_until(lambda: (stack.folder / "agent.sock").exists(), 20, "the agent listens")

    def run(words):
        words = words.replace("/dev/pts/1", device).replace("127.0.0.1:38899", f"127.0.0.1:{port}")
        words = re.sub(r"--display [\d.]+", f"--display {shown:.2f}", words)
        given = [] if "--rtu" in words or "--tcp" in words else ["-c", config]
        done = stack.run(stack.program("agent"), *words.split(), *given, check=False,
                         env={"LC_ALL": "C", "XDG_RUNTIME_DIR": str(stack.folder)})
        return [skeleton(line) for line in (done.stdout + done.stderr).splitlines()]

    wait_until(lambda: "reason: cannot be reached" in " ".join(run("status")), 60,
               "the broker is missed")
    commands = re.findall(r"^\$ nenghao-agent ([^\n]*)\n(.*?)(?=^\$|^```)", text, re.M | re.S)
    assert {words.split()[0] for words, _ in commands} == {
        "scan", "probe", "read", "linetest", "trace", "plan", "status", "spool"}
    for words, expected in commands:
        got = run(words)
        for line in expected.splitlines():
            if "…" in line or "silent" in line:  # left out, or a meter that somebody unplugged
                continue
            assert skeleton(line) in got, (words, skeleton(line), got)
