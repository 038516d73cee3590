# SPDX-License-Identifier: Apache-2.0
"""A serial line at 9600 baud with ten of 32 meters dead: those that live are read on time."""
import json
import threading
import time

import yaml

from stack import ROOT, wait_until

DEAD = {3, 4, 5, 11, 14, 15, 20, 23, 29, 32}
INTERVAL = 7
STALL = 0.3  # seconds; a machine that stands still for longer proves nothing about the agent


class Standstill:
    """The longest time that this very process was not let run."""

    def __enter__(self):
        self.longest, self.is_over = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        last = time.monotonic()
        while not self.is_over.wait(0.02):
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now

    def __exit__(self, *unused):
        self.is_over.set()
        self.thread.join()


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

    def between_sweeps():
        """Whom it is the turn of is due already, and on time only once it has answered."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 1.2:
            states = {m["id"]: m for m in status()["meters"]}
            counts = [(states[m]["due"], states[m]["on_time"]) for m in healthy]
            if counts != last:
                last, since = counts, time.monotonic()
            time.sleep(0.1)
        return states

    wait_until(all_answer, 60, "the living answer")
    for _ in range(3):
        with Standstill() as standstill:
            before = between_sweeps()
            time.sleep(6 * INTERVAL)
            after = between_sweeps()
        due = sum(after[m]["due"] - before[m]["due"] for m in healthy)
        on_time = sum(after[m]["on_time"] - before[m]["on_time"] for m in healthy)
        if standstill.longest < STALL:
            break
    assert due >= 5 * len(healthy)
    assert on_time / due >= 0.999, (on_time, due)
    for unit in DEAD:
        assert after[f"m-{unit}"]["state"] != "ok"
    bus = status()["buses"][0]
    assert bus["planned"] > 0.5, bus  # a line with little to do would prove little
    assert 0 < bus["utilisation"] <= 1, bus
