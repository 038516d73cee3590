# SPDX-License-Identifier: Apache-2.0
"""Every shipped profile against independent peers: pymodbus serves and decodes, mbpoll reads."""
import concurrent.futures
import json
import re
import subprocess
from fractions import Fraction

import pytest
import yaml

from stack import ROOT, free_port, port_answers, wait_until

pytest.importorskip("pymodbus.server")
from second_opinion import Meaning, Profile, dice_registers, differences, frames, whole  # noqa: E402

FOLDER = ROOT / "config" / "profiles"
PATHS = sorted(FOLDER.glob("*.yaml"))
LINES = 8
BASE = 40070  # of those whose addresses count from a block

SERVER = """
import asyncio, json, logging, sys
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncTcpServer
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
slaves = {}
for unit, functions in json.load(open(sys.argv[2])).items():
    blocks = {name: ModbusSparseDataBlock({int(a): v for a, v in functions.get(f, {"0": 0}).items()})
              for f, name in (("3", "hr"), ("4", "ir"))}
    slaves[int(unit)] = ModbusSlaveContext(zero_mode=True, **blocks)
context = ModbusServerContext(slaves=slaves, single=False)

async def serve():
    await asyncio.gather(*(StartAsyncTcpServer(context, address=("127.0.0.1", int(port)))
                           for port in sys.argv[1].split(",")))

asyncio.run(serve())
"""


def base_of(profile):
    return BASE if "sunspec" in profile.file or profile.file.get("relative") == "true" else 0


def image(profile, registers):
    """What the server holds for a unit: nothing but what the profile says that there is."""
    held = {"3": {}, "4": {}}
    for function, first, end in profile.spans():
        for address in range(first, end):
            held[str(function)][address + base_of(profile)] = registers.get((function, address), 0)
    if "sunspec" in profile.file:
        held["3"][BASE] = whole(profile.file["sunspec"][0])
    return {function: block for function, block in held.items() if block}


def beside_each_other(work):
    """work(line, index) of every profile: some want pauses. A line serves one master at a time."""
    def in_turn(line):
        return [(i, work(line, i)) for i in range(line, len(PATHS), LINES)]

    with concurrent.futures.ThreadPoolExecutor(LINES) as pool:
        done = dict(pair for part in pool.map(in_turn, range(LINES)) for pair in part)
    return [done[i] for i in range(len(PATHS))]


def serve(stack, images):
    ports = [free_port() for _ in range(LINES)]
    script, data = stack.folder / "server.py", stack.folder / "registers.json"
    script.write_text(SERVER)
    data.write_text(json.dumps(images))
    stack.add("modbus", ["/usr/bin/python3", script,
                         ",".join(map(str, ports)), data])
    for port in ports:
        wait_until(lambda: port_answers(port), 30, "the Modbus server listens")
    return ports


def read(stack, port, unit, path, base, channel):
    """{name: value} as nenghao-agent tells it."""
    done = stack.run(stack.program("agent"), "read", "--tcp", f"127.0.0.1:{port}", "--unit", unit,
                     "--profile", path, "--all", "--json",
                     *(["--base", base] if base else []),
                     *(["--channel", channel] if channel != "0" else []), check=False)
    assert done.returncode == 0, (path.name, done.stderr)
    values = json.loads(done.stdout, parse_int=str, parse_float=str)["values"]
    numbers = json.loads(done.stdout, parse_int=Fraction, parse_float=Fraction)["values"]
    assert len(values) == len(numbers)
    return numbers


def compare(stack, fill, agent_path=lambda path: path):
    """[(profile, differences)] over all profiles; fill makes the registers of each."""
    profiles = [Profile(path) for path in PATHS]
    registers = [fill(profile) for profile in profiles]
    ports = serve(stack, {unit + 1: image(profile, registers[unit])
                         for unit, profile in enumerate(profiles)})

    def read_all(line, i):
        return {channel: read(stack, ports[line], i + 1, agent_path(PATHS[i]),
                              base_of(profiles[i]), channel) for channel in profiles[i].channels()}

    found = []
    for profile, held, mine in zip(profiles, registers, beside_each_other(read_all)):
        theirs = {channel: Meaning(profile, held).all(channel) for channel in profile.channels()}
        assert any(value is not None for values in theirs.values()
                   for value in values.values()), profile.id
        wrong = [bad for channel in theirs for bad in differences(mine[channel], theirs[channel])]
        if wrong:
            found.append((profile.id, wrong[:5]))
    return found


def test_pymodbus_and_the_agent_agree_on_the_frames_of_every_profile(stack):
    assert len(PATHS) >= 71
    assert not compare(stack, frames)


def test_pymodbus_and_the_agent_agree_on_thrown_registers_of_every_profile(stack):
    assert not compare(stack, lambda profile: dice_registers(profile, "thrown"))


def test_a_wrong_profile_is_noticed(stack):
    """Each copy has another word order, and scales that are off by ten."""
    def spoil(path):
        text = path.read_text()
        order = re.search(r"^word_order: (\w+)", text, re.M)
        if order:
            text = text.replace(order.group(0), "word_order: " +
                                {"low": "high", "high": "low"}[order.group(1)])
        else:
            text = text.replace("\nfunction:", "\nword_order: low\nfunction:", 1)
        text = re.sub(r"scale: ([-0-9.]+)(?=[,}])",
                      lambda m: f"scale: {Fraction(m.group(1)) * 10}", text)
        text = re.sub(r"\nidentify: .*", "", text)
        copy = stack.folder / path.name
        copy.write_text(text)
        return copy

    found = compare(stack, lambda profile: dice_registers(profile, "thrown"), spoil)
    same = {path.stem for path in PATHS} - {profile for profile, _ in found}
    # Nothing but registers of 16 bits without scale, strings and times is left alone.
    assert not same, same


def test_the_map_of_demands_names_what_is_shipped():
    text = (ROOT / "docs" / "profiles.md").read_text()
    table = text.split("## What a map may demand")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 25
    for demand, how, shipped in rows:
        words = set(re.findall(r"[a-z_0-9]{3,}", " ".join(re.findall(r"`([^`]+)`", how))))
        for name in re.findall(r"`([a-z0-9_]+)`", shipped):
            held = (FOLDER / f"{name}.yaml").read_text()
            assert not words or any(re.search(rf"\b{word}\b|{word}", held) for word in words), \
                (demand, name)


# ---- the tutorial of docs/profiles.md, word for word ----
W3 = {0x0100: [2301, 2297, 2310, 512, 498, 505, 118, 110, 115, 343, 4998],
      0x0110: [0xD687, 0x0012], 0x0112: [120]}


def test_the_tutorial_is_true(stack):
    text = (ROOT / "docs" / "profiles.md").read_text()
    text = text.split("## A new model in ten minutes")[1].split("\n## ")[0]
    held = {address + i: word for address, words in W3.items() for i, word in enumerate(words)}
    port = serve(stack, {7: {"4": held}})[0]
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.S)
    (stack.folder / "wattwerk_w3.yaml").write_text(next(b for kind, b in blocks if kind == "yaml"))
    n = 0
    for _, block in blocks:
        for words, expected in re.findall(r"^\$ nenghao-agent ([^\n]*)\n(.*?)(?=^\$|\Z)", block,
                                          re.M | re.S):
            words = words.replace("192.0.2.10:502", f"127.0.0.1:{port}")
            words, _, target = words.partition(" >> ")
            done = stack.run(stack.program("agent"), *words.split(), env={"LC_ALL": "C",
                             "XDG_RUNTIME_DIR": str(stack.folder)})
            if target:
                with open(stack.folder / target, "a", encoding="utf-8") as file:
                    file.write(done.stdout)
                done.stdout = ""
            time = r"\d{4}-\d\d-\d\dT[0-9:]{8}[+-]\d\d:\d\d"
            assert re.sub(time, "T", done.stdout) == re.sub(time, "T", expected), words
            n += 1
    assert n == 5


MISTAKES = [  # what is written instead of what, what check says
    ("a key", "address: 0x0100", "adress: 0x0100",
     r"wattwerk_w3.yaml:12:28: points\[0\]: unknown key 'adress', did you mean 'address'\?"),
    ("a type", "type: i16", "type: float",
     r"wattwerk_w3.yaml:16:\d+: points\[4\].type: 'float' is not known; it must be one of default, "
     r"u16, i16, .*, did you mean 'float32'\?"),
    ("a comma in a number", "scale: 0.01}", "scale: 0,01}",
     r"wattwerk_w3.yaml:17:\d+: points\[5\]: unknown key '01'"),
    ("a register twice", "voltage_l2_n_v", "voltage_l1_n_v",
     r"wattwerk_w3.yaml:13:\d+: points\[1\].name: 'voltage_l1_n_v' is there twice"),
    ("no source", 'sources: ["manual rev. 2, page 14", "probed on the bench, 2026-11-24"]\n', "",
     r"wattwerk_w3.yaml:1:1: sources: is missing"),
    ("another name than the file's", "id: wattwerk_w3", "id: wattwerk_3",
     r"wattwerk_w3.yaml:1:1: id: must be the file's name, wattwerk_w3"),
    ("a helper that is not there", "scale: 10, default", "scale: 10, multiply_by: [ct], default",
     r"wattwerk_w3.yaml:16:\d+: points\[4\].multiply_by: there is no register or point 'ct' before it"),
    ("a limit of no point", "frequency_hz: [45, 65]", "frequenz_hz: [45, 65]",
     r"wattwerk_w3.yaml:10:\d+: plausible.frequenz_hz: is the name of no point and no register"),
    ("a manual's number", "address: 0x0110", "address: 400273",
     r"wattwerk_w3.yaml:18:\d+: points\[6\].address: must be a whole number from 0 to 65535"),
    ("a tab", "  - {name: frequency_hz", "\t- {name: frequency_hz",
     r"wattwerk_w3.yaml:17:1: .*a tab in the indentation; indent with spaces"),
    ("a name of no figure", "active_energy_import_kwh", "active_enrgy_import_kwh",
     r"wattwerk_w3.yaml:18:\d+: no figure knows the name 'active_enrgy_import_kwh', did you mean "
     r"'active_energy_import_kwh'\?"),
    ("a scale that the frames deny", "address: 0x0100, scale: 0.1", "address: 0x0100, scale: 1",
     r"wattwerk_w3.yaml:\d+:\d+: tests\[0\].values.voltage_l1_n_v: the frames give nothing: implausible"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_typical_mistakes_are_explained(stack, mistake):
    _, right, wrong, expected = mistake
    text = (ROOT / "docs" / "profiles.md").read_text()
    text = re.search(r"```yaml\n(id: wattwerk_w3.*?)```", text, re.S).group(1)
    text += ("tests:\n  - name: recorded\n    frames:\n"
             '      - request: "07 04 01 00 00 01 30 50"\n'
             '        response: "07 04 02 08 FD F7 71"\n    values: {voltage_l1_n_v: 230.1}\n')
    path = stack.folder / "wattwerk_w3.yaml"
    path.write_text(text)
    assert stack.run(stack.program("agent"), "check", "--profile", "wattwerk_w3.yaml").returncode == 0
    assert text.count(right) >= 1
    path.write_text(text.replace(right, wrong, 1))
    done = stack.run(stack.program("agent"), "check", "--profile", "wattwerk_w3.yaml", check=False,
                     env={"LC_ALL": "C"})
    assert re.search(expected, done.stderr), done.stderr
    assert done.returncode == (0 if "no figure" in expected else 78)


# ---- the simulator, read by mbpoll ----
LOADS = {"pv": "pv", "heat": "office.heat", "electricity": "hospital.whole"}


def campus_of(stack):
    meters = []
    for unit, path in enumerate(PATHS, 1):
        file = yaml.safe_load(path.read_text())
        meter = {"id": f"m{unit}", "unit": unit, "profile": file["id"],
                 "load": LOADS.get(file["medium"], "office.water"), "year": 1000,
                 "initial": 4711.5, **({"base": BASE} if "sunspec" in file else {}),
                 "faults": [{"kind": "stuck", "from": "2026-01-01"}]}
        if any("pulse" in point for point in file["points"]):
            meter.update(channel=1, pulse={"volume": 0.01, "index": 0,
                                           "quantity": "volume_total_m3"})
        elif Profile(path).channels() != ["0"]:
            meter.update(channel=1)
        meters.append(meter)
    campus = stack.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "t", "seed": 1, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [str(FOLDER)],
        "buses": [{"name": f"g{line}", "tcp": {"listen": "127.0.0.1", "port": 0},
                   "meters": meters[line::LINES]} for line in range(LINES)]}))
    return campus


def mbpoll(port, unit, function, first, count):
    done = subprocess.run(
        ["mbpoll", "-m", "tcp", "-p", str(port), "-a", str(unit), "-t",
         {3: "4:hex", 4: "3:hex"}[function], "-0", "-r", str(first), "-c", str(count), "-1", "-q",
         "127.0.0.1"], capture_output=True, text=True, timeout=20, check=True)
    return [int(word, 16) for word in re.findall(r"\]:\s+0x([0-9A-F]{4})", done.stdout)]


def test_mbpoll_reads_what_the_agent_reads_of_every_simulated_meter(stack):
    _, where = stack.simulator(campus_of(stack))
    ports = [bus["port"] for bus in where["buses"]]

    def words(line, i):
        channel = ["--channel", "1"] if Profile(PATHS[i]).channels() != ["0"] else []
        done = stack.run(stack.program("agent"), "read", "--tcp", f"127.0.0.1:{ports[line]}",
                         "--unit", i + 1, "--profile", PATHS[i], "--json", *channel)
        return {(block["function"], block["address"]): block["values"]
                for block in json.loads(done.stdout)["registers"]}

    def agree(line, i):
        """How many registers: those that stand still before and after mbpoll looks."""
        before = words(line, i)
        theirs = {key: mbpoll(ports[line], i + 1, *key, len(mine)) for key, mine in before.items()}
        after = words(line, i)
        n = 0
        for key, mine in before.items():
            assert len(theirs[key]) == len(mine)
            for one, between, other in zip(mine, theirs[key], after[key]):
                n += one == other
                assert one != other or between == one, (PATHS[i].stem, key)
        return n

    assert min(beside_each_other(agree)) > 0
