# SPDX-License-Identifier: Apache-2.0
"""The agent's life at the edge: gateways that dial in, reload, a wrong clock, metrics."""
import json
import queue
import re
import socket
import threading
import time

import paho.mqtt.client as mqtt
import pytest
import yaml

from stack import ROOT, free_port, http, wait_until


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


class Gateway:
    """A DTU: registers, answers every register with 2301, sends its heartbeat in between."""

    def __init__(self, port, registration, heartbeat=b"PING"):
        self.heartbeat, self.requests = heartbeat, []
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.sendall(registration)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                request = self.socket.recv(8, socket.MSG_WAITALL)
                if len(request) < 8:
                    return
                self.requests.append(request)
                count = int.from_bytes(request[4:6], "big")
                answer = request[:2] + bytes([2 * count]) + (2301).to_bytes(2, "big") * count
                self.socket.sendall(self.heartbeat + answer + crc(answer) + self.heartbeat)
        except OSError:
            return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Site:
    """A broker, an agent, and a server that says kept to everything."""

    def __init__(self, stack, buses, **changes):
        self.stack = stack
        stack.mosquitto()
        self.control = {"socket": str(stack.folder / "agent.sock")}
        self.config = stack.folder / "agent.yaml"
        self.write(buses, **changes)
        self.batches = queue.Queue()
        self.lines = []
        self.client = mqtt.Client(client_id="server")
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", stack.broker_port)
        self.client.subscribe("nenghao/1/+/+/data", 1)
        self.client.loop_start()

    def write(self, buses, **changes):
        self.config.write_text(yaml.safe_dump({
            "agent": {"id": "edge-a1", "region": "370102"},
            "mqtt": {"url": f"tcp://127.0.0.1:{self.stack.broker_port}"},
            "spool": {"path": str(self.stack.folder / "spool.db")}, "control": self.control,
            "interval": "1s", "profiles": [str(ROOT / "config" / "profiles")], "buses": buses,
            **changes}))

    def take(self, client, _, message):
        lines = message.payload.decode().splitlines()
        head = dict(re.findall(r"(\w+)=(\d+)i", lines[0]))
        until = lines[0].rsplit(" ", 1)[1]
        self.lines += lines
        client.publish("nenghao/1/370102/edge-a1/ack",
                       f"{head['epoch']} {head['seq']} {head['seq']} {until}", 1)

    def start(self, env=None):
        self.agent = self.stack.add("agent", [self.stack.program("agent"), "run", "-c",
                                              self.config], env)
        return self.agent

    def readings(self, meter):
        """UTC milliseconds of all that came."""
        return [int(line.rsplit(" ", 1)[1]) for line in list(self.lines)
                if line.startswith(f"reading,meter={meter} ")]

    def epochs(self):
        return {m.group(1) for line in list(self.lines)
                if (m := re.match(r"batch,agent=\S+ epoch=(\d+)i", line))}

    def status(self):
        done = self.stack.run(self.stack.program("agent"), "status", "--json", "-c", self.config,
                              check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None


def bus(name, link, *meters):
    # Lists of their own: YAML that is written with anchors is refused.
    return {"name": name, **link, "meters": [
        {"id": id_, "unit": unit, "profile": "peacefair_pzem016",
         "quantities": ["voltage_l1_n_v"]} for id_, unit in meters]}


# ---- gateways that dial in ----
@pytest.mark.sanitize
def test_two_gateways_at_one_port_are_two_buses(stack):
    port = free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "DTU-A",
                                             "heartbeat": "PING"}}, ("m-a", 1)),
                        bus("b", {"listen": {"port": port, "register": "0x4454552D42"}},
                            ("m-b", 2))])
    site.start()
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent waits for them")
    second, first = Gateway(port, b"DTU-B\r\n", b"DTU-B"), Gateway(port, b"DTU-A")
    wait_until(lambda: len(site.readings("m-a")) >= 3 and len(site.readings("m-b")) >= 3, 20,
               "both are read")
    assert {r[0] for r in first.requests} == {1} and {r[0] for r in second.requests} == {2}

    # Whoever nobody expects is refused, and named once.
    strangers = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    for stranger in strangers:
        stranger.sendall(b"DTU-C")
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(15)
        assert stranger.recv(1) == b""
    assert site.agent.log().count("is refused") == 1
    assert "'DTU-C', 0x4454552D43" in site.agent.log()

    # Dialling in again replaces a connection that looks alive.
    n = len(first.requests)
    again = Gateway(port, b"DTU-A")
    wait_until(lambda: len(again.requests) >= 3, 15, "the new connection is used")
    assert len(first.requests) <= n + 2
    # Gone, and back.
    again.close()
    wait_until(lambda: site.agent.log().count("bus a is down") >= 2, 15, "the loss is told")
    Gateway(port, b"DTU-A")
    before = len(site.readings("m-a"))
    wait_until(lambda: len(site.readings("m-a")) > before + 1, 15, "it is read again")
    assert site.agent.stop() == 0


def test_a_command_waits_for_the_gateway(stack):
    port = free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "DTU-A"}}, ("m-a", 1))])

    def dial():
        for _ in range(200):
            try:
                Gateway(port, b"DTU-A")
                return
            except OSError:
                time.sleep(0.05)

    threading.Thread(target=dial, daemon=True).start()
    done = stack.run(stack.program("agent"), "read", "m-a", "--json", "-c", site.config)
    assert json.loads(done.stdout)["values"] == {"voltage_l1_n_v": 230.1}
    assert f"port {port}" in done.stderr


# ---- reload ----
@pytest.mark.sanitize
def test_a_reload_leaves_alone_what_is_as_it_was(stack):
    ports = [free_port() for _ in range(3)]
    link = lambda i: {"listen": {"port": ports[i], "register": "DTU"}}  # noqa: E731
    stays = bus("stays", link(0), ("m-stays", 1))
    site = Site(stack, [stays, bus("changes", link(1), ("m-old", 1))])
    site.start()
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent listens")
    kept, changed = Gateway(ports[0], b"DTU"), Gateway(ports[1], b"DTU")
    wait_until(lambda: len(site.readings("m-stays")) >= 2 and site.readings("m-old"), 15, "read")

    site.write([bus("changes", link(1), ("m-new", 2)), stays, bus("new", link(2), ("m-2", 1))])
    site.agent.hang_up()
    wait_until(lambda: "was read anew" in site.agent.log(), 15, "the reload")
    assert "2 buses begin, 1 end, 1 go on" in site.agent.log()
    changed = Gateway(ports[1], b"DTU")
    Gateway(ports[2], b"DTU")
    wait_until(lambda: site.readings("m-new") and site.readings("m-2"), 15, "the new ones")

    # A mistake, and a thing that cannot be opened: everything stays, and the log says why.
    good = site.config.read_text()
    site.config.write_text(good.replace("interval: 1s", "interval: 1 s"))
    site.agent.hang_up()
    wait_until(lambda: "the old one stays" in site.agent.log(), 10, "the mistake is named")
    assert "agent.yaml:" in site.agent.log() and "interval" in site.agent.log()
    n = site.agent.log().count("the old one stays")
    site.config.write_text(good.replace("spool.db", "no-folder/spool.db"))
    site.agent.hang_up()
    wait_until(lambda: site.agent.log().count("the old one stays") > n, 10, "it is refused")
    assert "no-folder" in site.agent.log()
    before = len(site.readings("m-stays"))
    wait_until(lambda: len(site.readings("m-stays")) >= before + 2, 15, "the old one goes on")

    meter = next(m for m in site.status()["meters"] if m["id"] == "m-stays")
    # Slots are counted, not timed: a busy machine may read late, and even miss one.
    assert meter["missed"] <= 1 and meter["due"] - meter["on_time"] <= 2, meter
    times = sorted(set(site.readings("m-stays")))  # a batch may come twice
    assert len(times) >= (times[-1] - times[0]) // 1000 - 1, "slots are missing"
    assert len(kept.requests) >= len(times)
    assert site.agent.stop() == 0


def test_the_epoch_goes_on_where_only_a_bus_changes(stack):
    port = free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "D"}}, ("m-1", 1))])
    site.start()
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent listens")
    Gateway(port, b"D")
    wait_until(lambda: site.readings("m-1"), 15, "the first")
    epoch = site.status()["epoch"]
    site.write([bus("a", {"listen": {"port": port, "register": "D"}}, ("m-2", 1))])
    site.agent.hang_up()
    wait_until(lambda: "was read anew" in site.agent.log(), 15, "the reload")
    Gateway(port, b"D")
    wait_until(lambda: site.readings("m-2"), 15, "the second")
    assert site.status()["epoch"] == epoch and site.epochs() == {str(epoch)}
    # Another spool is another delivery: that begins anew, the bus does not.
    site.write([bus("a", {"listen": {"port": port, "register": "D"}}, ("m-2", 1))],
               spool={"path": str(stack.folder / "other.db")})
    before = len(site.readings("m-2"))
    site.agent.hang_up()
    wait_until(lambda: len(site.epochs()) == 2, 15, "another epoch")
    wait_until(lambda: len(site.readings("m-2")) >= before + 3, 15, "readings go on")
    meter = site.status()["meters"][0]
    assert meter["missed"] == 0, meter
    assert site.agent.stop() == 0


# ---- the clock ----
def test_readings_before_the_clock_is_right_get_their_time(stack):
    port = free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "D"}}, ("m-1", 1))])
    mono = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)
    right = 1764000000000
    # For eight seconds the clock is in 1970; then it is set.
    site.start({"NENGHAO_CLOCK": f"86400000@{mono}x1,{right}@{mono + 8000}x1"})
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent listens")
    Gateway(port, b"D")
    wait_until(lambda: (stack.folder / "spool.db.untimed").exists(), 10, "they are set aside")
    assert site.readings("m-1") == []
    assert site.status()["clock_trusted"] is False
    wait_until(lambda: len([t for t in site.readings("m-1") if t > right]) >= 3, 20, "go on")
    times = sorted(site.readings("m-1"))
    early = [t for t in times if t < right]
    assert len(early) >= 3 and min(times) > right - 9000, times
    assert all(b - a < 2500 for a, b in zip(times, times[1:])), times
    status = site.status()
    assert status["clock_trusted"] is True and status["clock_jumps"] == 1
    assert status["meters"][0]["missed"] == 0
    assert "was set forward" in site.agent.log()
    assert not (stack.folder / "spool.db.untimed").exists()
    assert site.agent.stop() == 0


def test_a_jump_while_it_runs_is_told_and_costs_no_slot(stack):
    port = free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "D"}}, ("m-1", 1))])
    mono = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)
    site.start({"NENGHAO_CLOCK": f"1764000000000@{mono}x1,1764003600000@{mono + 5000}x1"})
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent listens")
    Gateway(port, b"D")
    wait_until(lambda: len([t for t in site.readings("m-1") if t > 1764003600000]) >= 3, 20,
               "it goes on an hour later")
    meter = site.status()["meters"][0]
    assert meter["missed"] == 0 and meter["due"] < 30, meter
    assert "was set forward by 3595.0 s" in site.agent.log()
    assert site.agent.stop() == 0


# ---- metrics ----
def test_metrics_tell_how_the_agent_is(stack):
    port, at = free_port(), free_port()
    site = Site(stack, [bus("a", {"listen": {"port": port, "register": "D"}}, ("m-1", 1)),
                        bus("b", {"tcp": {"host": "127.0.0.1", "port": free_port()}},
                            ("m-2", 1))], metrics={"port": at})
    site.start()
    wait_until(lambda: "has not dialled in" in site.agent.log(), 10, "the agent listens")
    Gateway(port, b"D")
    wait_until(lambda: len(site.readings("m-1")) >= 3, 15, "readings")
    status, headers, body = http("GET", f"http://127.0.0.1:{at}/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values = {}
    for line in body.decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in values, name
            values[name] = float(value)
    get = lambda name: values[f"nenghao_agent_{name}"]  # noqa: E731
    assert get('meter_on_time_total{bus="a",meter="m-1"}') >= 2
    assert get('meter_due_total{bus="a",meter="m-1"}') >= 2
    assert get('bus_up{bus="a"}') == 1 and get('bus_up{bus="b"}') == 0
    assert get("broker_connected") == 1 and get("clock_trusted") == 1
    count = get('bus_round_trip_seconds_count{bus="a"}')
    assert count >= 3 and get('bus_round_trip_seconds_bucket{bus="a",le="+Inf"}') == count
    assert get("spool_bytes") > 0 and get("spool_storing") == 1
    assert 0 <= get("on_time_ratio") <= 1
    assert http("GET", f"http://127.0.0.1:{at}/")[0] == 404
    # A reload without them closes the port.
    site.write([])
    site.agent.hang_up()
    wait_until(lambda: "was read anew" in site.agent.log(), 10, "the reload")
    with pytest.raises(OSError):
        http("GET", f"http://127.0.0.1:{at}/metrics", timeout=2)
    assert site.agent.stop() == 0
