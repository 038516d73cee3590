# SPDX-License-Identifier: Apache-2.0
"""A serial line at 9600 baud with ten of 32 meters dead: those that live are read on time."""
import json

import yaml

from standstill import slots_of
from stack import ROOT, wait_until

DEAD = {3, 4, 5, 11, 14, 15, 20, 23, 29, 32}
INTERVAL = 7


def test_healthy_meters_are_on_time_beside_ten_dead_ones(stack):
    stack.mosquitto()
    units = range(1, 33)
    campus = stack.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "line", "seed": 1, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "line", "rtu": {"device": "line", "baud": 9600, "pace": True},
                   "turnaround": "20ms",
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "load": "office.power", "year": 10000,
                               "faults": [{"kind": "silence"}] if u in DEAD else []}
                              for u in units]}]}))
    _, where = stack.simulator(campus)
    config = stack.folder / "agent.yaml"
    config.write_text(yaml.safe_dump({
        "agent": {"id": "line-a1", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{stack.broker_port}"},
        "spool": {"path": str(stack.folder / "spool.db")},
        "control": {"socket": str(stack.folder / "agent.sock")},
        "interval": f"{INTERVAL}s", "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "line",
                   "rtu": {"device": where["buses"][0]["device"], "baud": 9600, "parity": "N",
                           "stop_bits": 1},
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "quantities": ["active_energy_import_kwh", "active_power_w",
                                              "voltage_l1_n_v", "current_l1_a"]}
                              for u in units]}]}))
    stack.agent(config)

    def status():
        done = stack.run(stack.program("agent"), "status", "--json", "-c", config, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"meters": []}

    healthy = [f"m-{u}" for u in units if u not in DEAD]

    def all_answer():
        states = {m["id"]: m["state"] for m in status()["meters"]}
        return states and all(states[m] == "ok" for m in healthy)

    wait_until(all_answer, 60, "the living answer")
    due, on_time, _, after = slots_of(lambda: status()["meters"], healthy, 4 * INTERVAL)
    assert due >= 3 * len(healthy)
    assert on_time / due >= 0.999, (on_time, due)
    for unit in DEAD:
        assert after[f"m-{unit}"]["state"] != "ok"
    bus = status()["buses"][0]
    assert bus["planned"] > 0.5, bus  # a line with little to do would prove little
    assert 0 < bus["utilisation"] <= 1, bus
