# SPDX-License-Identifier: Apache-2.0
"""What a meter shows: probe finds type, order and scale, read says what is wrong."""
import os
import re
import signal
import struct
import subprocess

import pytest
import yaml

from commissioning import PROFILES, Site, Wire, registers_answer
from stack import wait_until


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
