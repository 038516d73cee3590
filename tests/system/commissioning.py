# SPDX-License-Identifier: Apache-2.0
"""Meters to be commissioned: a small site, a line whose device answers as it is told, a proxy that looks on."""
import json
import os
import pty
import select
import socket
import struct
import threading
import tty

import yaml

from stack import ROOT, free_port

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
