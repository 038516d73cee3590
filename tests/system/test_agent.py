# SPDX-License-Identifier: Apache-2.0
"""The agent against a Modbus server that is not ours, its lines seen by a foreign MQTT client."""
import json
import queue
import re
import subprocess
import time

import paho.mqtt.client as mqtt
import pytest
import yaml

from stack import ROOT, free_port, port_answers, wait_until

pytest.importorskip("pymodbus.server")

# A server of its own process: registers of an Eastron SDM630 (float32, high word first, function 4)
# at unit 1, of an ABB B23 (function 3) at unit 2, nothing at unit 3.
SERVER = """
import asyncio, logging, struct, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncTcpServer
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

def block(values, size):
    registers = [0] * size
    for address, data in values.items():
        for i in range(0, len(data), 2):
            registers[address + i // 2] = int.from_bytes(data[i:i + 2], "big")
    return ModbusSequentialDataBlock(0, registers)

def f(value):
    return struct.pack(">f", value)

sdm630 = {0x00: f(230.2), 0x06: f(5.125), 0x34: f(-1234.5), 0x46: f(49.98), 0x48: f(12345.67), 0x4a: f(0.01)}
abb = {0x5000: struct.pack(">Q", 123456789012), 0x5004: struct.pack(">Q", 0xffffffffffffffff)}
slaves = {
    1: ModbusSlaveContext(ir=block(sdm630, 400), zero_mode=True),
    2: ModbusSlaveContext(hr=block(abb, 0x9000), zero_mode=True),
}
asyncio.run(StartAsyncTcpServer(ModbusServerContext(slaves=slaves, single=False),
                                address=("127.0.0.1", int(sys.argv[1]))))
"""


@pytest.fixture
def modbus_port(stack):
    port = free_port()
    script = stack.folder / "server.py"
    script.write_text(SERVER)
    stack.add("modbus", ["/usr/bin/python3", script, port])
    wait_until(lambda: port_answers(port), 15, "the Modbus server listens")
    return port


def read(stack, port, unit, profile, check=True):
    return stack.run(stack.program("agent"), "read", "--tcp", f"127.0.0.1:{port}", "--unit", unit,
                     "--profile", ROOT / "config" / "profiles" / f"{profile}.yaml", "--json",
                     check=check)


@pytest.mark.sanitize
def test_read_shows_what_a_foreign_server_holds(stack, modbus_port):
    values = json.loads(read(stack, modbus_port, 1, "eastron_sdm630").stdout)["values"]
    assert values["voltage_l1_n_v"] == 230.2
    assert values["current_l1_a"] == 5.125
    assert values["active_power_w"] == -1234.5
    assert values["frequency_hz"] == 49.98
    assert values["active_energy_import_kwh"] == 12345.67
    assert values["active_energy_export_kwh"] == 0.01


@pytest.mark.sanitize
def test_a_64_bit_counter_stays_exact_and_a_mark_of_absence_is_absent(stack, modbus_port):
    text = read(stack, modbus_port, 2, "abb_b23_b24").stdout
    values = json.loads(text)["values"]
    assert re.search(r'"active_energy_import_kwh": ?1234567890\.12\b', text), text
    assert values["active_energy_export_kwh"] is None


def test_a_unit_that_does_not_answer_is_named(stack, modbus_port):
    done = read(stack, modbus_port, 3, "eastron_sdm630", check=False)
    assert done.returncode == 1
    assert "unit 3" in done.stderr or "timeout" in done.stderr or "no answer" in done.stderr


def agent_yaml(stack, port, **changes):
    config = {
        "agent": {"id": "peer-a1", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{stack.broker_port}"},
        "spool": {"path": str(stack.folder / "spool.db")},
        "control": {"socket": str(stack.folder / "agent.sock")},
        "interval": "1s", "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "gateway", "tcp": {"host": "127.0.0.1", "port": port}, "timeout": "300ms",
                   "meters": [{"id": "m-1", "unit": 1, "profile": "eastron_sdm630"},
                              {"id": "m-2", "unit": 2, "profile": "abb_b23_b24"},
                              {"id": "m-3", "unit": 3, "profile": "eastron_sdm630"}]}]}
    config.update(changes)
    file = stack.folder / "agent.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


class Listener:
    """Collects what the agent publishes and acknowledges as a server would."""

    def __init__(self, port):
        self.batches, self.statuses = queue.Queue(), queue.Queue()
        self.client = mqtt.Client(client_id="listener")
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", port)
        self.client.subscribe("nenghao/1/370102/peer-a1/#", 1)
        self.client.loop_start()

    def take(self, client, _, message):
        if message.topic.endswith("/status"):
            self.statuses.put(message.payload.decode())
        elif message.topic.endswith("/data"):
            head, *lines = message.payload.decode().splitlines()
            match = re.fullmatch(r"batch,agent=peer-a1 epoch=(\d+)i,seq=(\d+)i,oldest=(\d+)i,"
                                 r"lines=(\d+)i (\d+)", head)
            assert match, head
            epoch, seq, oldest, count, time_ms = map(int, match.groups())
            assert count == len(lines) and len(message.payload) <= 256 * 1024
            client.publish("nenghao/1/370102/peer-a1/ack", f"{epoch} {seq} {seq} {time_ms}", 1)
            self.batches.put((epoch, seq, oldest, lines))

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def test_lines_are_of_the_contract_and_one_fault_a_slot(stack, modbus_port):
    stack.mosquitto()
    listener = Listener(stack.broker_port)
    agent = stack.agent(agent_yaml(stack, modbus_port))
    lines, seqs = [], []
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline:
        try:
            epoch, seq, _, more = listener.batches.get(timeout=0.5)
        except queue.Empty:
            continue
        seqs.append((epoch, seq))
        lines += more
    assert agent.stop() == 0
    listener.close()
    assert len({epoch for epoch, _ in seqs}) == 1
    numbers = [seq for _, seq in seqs]
    assert numbers == list(range(1, len(numbers) + 1))
    good = [line for line in lines if line.startswith("reading,meter=m-1 ")]
    assert len(good) >= 9
    for line in good:
        assert re.fullmatch(r"reading,meter=m-1 ([a-z0-9_]+=-?\d+(\.\d+)?,?)+ \d{13}", line), line
        assert "active_energy_import_kwh=12345.67" in line
    faults = [line for line in lines if line.startswith("fault,meter=m-3 ")]
    slots = {int(line.rsplit(" ", 1)[1]) // 1000 for line in faults}
    assert len(faults) >= 7 and len(slots) >= len(faults) - 1, faults
    for line in faults:
        assert re.fullmatch(r'fault,meter=m-3 code="[a-z0-9_]+",attempts=\d+i \d{13}', line), line
    times = sorted(int(line.rsplit(" ", 1)[1]) for line in good)
    # Slots are aligned to the wall clock: readings follow the full second closely.
    late = [t % 1000 for t in times[2:]]
    assert sorted(late)[len(late) // 2] < 400, late
    statuses = []
    while not listener.statuses.empty():
        statuses.append(json.loads(listener.statuses.get()))
    assert statuses[0]["state"] == "online" and statuses[-1]["state"] == "offline"


def test_the_last_will_says_offline_when_the_agent_is_killed(stack, modbus_port):
    stack.mosquitto()
    listener = Listener(stack.broker_port)
    agent = stack.agent(agent_yaml(stack, modbus_port))
    wait_until(lambda: not listener.batches.empty(), 15, "a batch")
    agent.kill()
    wait_until(lambda: any('"offline"' in s for s in list(listener.statuses.queue)), 15, "the will")
    listener.close()


def test_delivery_to_a_broker_alone(stack, modbus_port):
    """For people without our server: batches are done when the broker has them."""
    stack.mosquitto()
    config = agent_yaml(stack, modbus_port, delivery="broker")
    agent = stack.agent(config)

    def status():
        done = stack.run(stack.program("agent"), "status", "--json", "-c", config, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    wait_until(lambda: status().get("sent", 0) >= 4 and status()["batches_waiting"] <= 1, 20,
               "batches are done without a server")
    assert agent.stop() == 0


def test_mbpoll_and_the_agent_agree(stack):
    """mbpoll is a third master: both read the same simulated meter."""
    campus = stack.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "t", "seed": 1, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "g", "tcp": {"listen": "127.0.0.1", "port": 0},
                   "meters": [{"id": "m", "unit": 7, "profile": "eastron_sdm630",
                               "load": "office.power", "year": 1000, "initial": 4711.5,
                               "faults": [{"kind": "stuck", "from": "2026-01-01"}]}]}]}))
    _, where = stack.simulator(campus)
    port = where["buses"][0]["port"]
    mine = json.loads(read(stack, port, 7, "eastron_sdm630").stdout)["values"]
    done = subprocess.run(["mbpoll", "-m", "tcp", "-p", str(port), "-a", "7", "-t", "3:float", "-B",
                           "-r", "73", "-c", "1", "-1", "-q", "127.0.0.1"],
                          capture_output=True, text=True, timeout=20, check=True)
    theirs = float(re.search(r"\[73\]:\s+([-0-9.e+]+)", done.stdout).group(1))
    assert theirs == float(f"{mine['active_energy_import_kwh']:.6g}")  # mbpoll shows six digits
