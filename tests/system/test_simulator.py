# SPDX-License-Identifier: Apache-2.0
"""The simulator against a Modbus master that is not ours, and against its own account."""
import datetime
import json
import logging
import signal
import struct
import time

import pytest

from stack import ROOT, wait_until

pymodbus = pytest.importorskip("pymodbus.client")
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
CAMPUS = ROOT / "config" / "campus.yaml"


def iso(seconds):
    time_ = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return time_.isoformat(timespec="milliseconds")


def as_float(registers, low_first=False):
    """The shortest decimal that is this float32."""
    high, low = reversed(registers) if low_first else registers
    value = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.unpack(">f", struct.pack(">f", float(text)))[0] == value:
            return float(text)
    return value


def as_integer(registers, low_first=False):
    value = 0
    for register in reversed(registers) if low_first else registers:
        value = value << 16 | register
    return value


def heat(registers):
    """A whole part and a fraction, the low word first."""
    return as_integer(registers[:2], True) + as_float(registers[2:], True)


# bus, meter, quantity, unit, function, address, registers, meaning
READINGS = [
    ("gateway", "370103-0001-e01", "active_energy_import_kwh", 1, 4, 72, 2, as_float),
    ("gateway", "370103-0001-e02", "active_energy_import_kwh", 2, 3, 0x101E, 2, as_float),
    ("gateway", "370103-0001-p01", "pv_energy_yield_total_kwh", 9, 3, 32106, 2,
     lambda r: as_integer(r) * 0.01),
    ("gateway", "370103-0001-w02", "volume_total_m3", 10, 4, 62, 2,
     lambda r: 91005 + as_integer(r) * 0.1),
    ("gateway", "370103-0001-h01", "heat_energy_gj", 11, 4, 0x1028, 4, heat),
    ("riser-1", "370102-0001-e01", "active_energy_import_kwh", 1, 4, 72, 2, as_float),
    ("riser-1", "370102-0001-e03", "active_energy_import_kwh", 3, 4, 72, 2, as_float),
    ("riser-1", "370102-0001-w01", "volume_total_m3", 6, 4, 60, 2,
     lambda r: 12034.5 + as_integer(r) * 0.01),
    ("riser-2", "370102-0002-e01", "active_energy_import_kwh", 1, 3, 0x5000, 4,
     lambda r: as_integer(r) * 0.01),
    ("riser-2", "370102-0002-p01", "pv_energy_yield_total_kwh", 7, 4, 5003, 2,
     lambda r: as_integer(r, True)),
]


def connect(bus):
    if bus["kind"] == "tcp":
        master = pymodbus.ModbusTcpClient(bus["host"], port=bus["port"])
    else:
        master = pymodbus.ModbusSerialClient(bus["device"], baudrate=bus["baud"], timeout=1)
    assert master.connect()
    return master


def read(master, unit, function, address, count):
    method = {3: master.read_holding_registers, 4: master.read_input_registers}[function]
    return method(address, count, slave=unit)


def shown(stack, config, meter, quantity, at):
    done = stack.run(stack.program("sim"), "account", "--json", "-c", config, "--meters", meter,
                     "--at", iso(at))
    return float(json.loads(done.stdout)["meters"][0]["registers"][quantity]["at"])


@pytest.mark.sanitize
def test_a_foreign_master_reads_what_the_account_says(stack):
    _, where = stack.simulator(CAMPUS)
    masters = {bus["name"]: connect(bus) for bus in where["buses"]}
    for bus, meter, quantity, unit, function, address, count, meaning in READINGS:
        before = time.time()
        answer = read(masters[bus], unit, function, address, count)
        after = time.time() + 0.002
        assert not answer.isError(), (meter, answer)
        value = meaning(answer.registers)
        low, high = (shown(stack, CAMPUS, meter, quantity, at) for at in (before, after))
        assert low - 1e-6 <= value <= high + 1e-6, meter


@pytest.mark.sanitize
def test_exceptions_are_those_of_the_standard(stack):
    _, where = stack.simulator(CAMPUS)
    gateway = connect(next(bus for bus in where["buses"] if bus["name"] == "gateway"))
    assert read(gateway, 2, 4, 0, 2).exception_code == 1
    assert read(gateway, 1, 4, 900, 2).exception_code == 2
    assert read(gateway, 1, 4, 0, 100).exception_code == 3
    assert read(gateway, 99, 4, 0, 2).exception_code == 11


@pytest.mark.sanitize
def test_a_history_is_what_polls_would_have_brought(stack):
    """The last line of a history against a reading taken at about that time."""
    _, where = stack.simulator(CAMPUS)
    master = connect(next(bus for bus in where["buses"] if bus["name"] == "gateway"))
    now = time.time()
    start, end = iso(now - 60), iso(now + 1)
    done = stack.run(stack.program("sim"), "history", "-c", CAMPUS, "--from", start, "--to", end,
                     "--interval", "1s", "--meters", "370103-0001-e01")
    lines = done.stdout.splitlines()
    assert len(lines) == 61
    value = as_float(read(master, 1, 4, 72, 2).registers)
    counts = [float(line.split("active_energy_import_kwh=")[1].split(",")[0]) for line in lines]
    assert counts == sorted(counts)
    assert counts[-1] - 0.5 < value < counts[-1] + 0.5
    assert all(line.startswith("reading,meter=370103-0001-e01 ") for line in lines)


def test_a_reload_changes_faults_and_refuses_mistakes(stack):
    config = stack.folder / "small.yaml"
    head = (f"profiles: [{ROOT}/config/profiles]\nbuses:\n  - name: b\n    tcp: {{port: 0}}\n"
            "    meters:\n      - {id: m, unit: 1, profile: eastron_sdm630, load: pv")
    config.write_text(head + "}\n")
    process, where = stack.simulator(config)
    master = connect(where["buses"][0])
    assert not read(master, 1, 4, 72, 2).isError()
    config.write_text(head + ", faults: [{kind: exception, code: 6}]}\n")
    process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: read(master, 1, 4, 72, 2).isError(), 5, "the fault is there")
    assert read(master, 1, 4, 72, 2).exception_code == 6
    config.write_text(head + ", faults: [{kind: nonsense}]}\n")
    process.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "the meters stay as they were" in process.log(), 5, "the mistake is told")
    assert read(master, 1, 4, 72, 2).exception_code == 6
    assert process.stop() == 0
