# SPDX-License-Identifier: Apache-2.0
"""What an agent needs, beside the yardstick and collectd, and how it uses a serial line."""
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import time

import yaml

from kit import (BIN, GATEWAYS, METERS, QUANTITIES, ROOT, UNITS, Trial, cpu_us, part, rss_mb,
                 wait_until)
from standstill import slots_of

EDGE_SECONDS = 10
COLLECTD_PERIOD = 10  # seconds: a request a value would not fit into one
ADDRESSES = [*range(0, 18, 2), 52, 56, 60, 62, 70, 72, 74, 342, 344, 346, 348]
YARDSTICK_REQUESTS = (18, 24, 8)  # registers
BAUD, TURNAROUND_MS = 9600, 20


def line_ms(registers):
    """What one request takes: 8 characters, 5 and the registers, twice the silence of 3.5."""
    return (8 + 5 + 2 * registers + 7) * 10 / BAUD * 1000 + TURNAROUND_MS


def line_config(trial, device, units, quantities, interval):
    """One serial line; everybody on it is of one model."""
    config = trial.folder / "line.yaml"
    config.write_text(yaml.safe_dump({
        "agent": {"id": "bench", "region": "370102"},
        "mqtt": {"url": f"tcp://127.0.0.1:{getattr(trial.stack, 'broker_port', 1883)}"},
        "spool": {"path": str(trial.folder / "spool.db")},
        "control": {"socket": str(trial.folder / "agent.sock")},
        "interval": f"{interval}s", "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "line",
                   "rtu": {"device": str(device), "baud": BAUD, "parity": "N", "stop_bits": 1},
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "quantities": list(quantities)} for u in units]}]}))
    return config

@part("size", "programs")
def binary_sizes(table, folder):
    """Programs without symbols, and what they are linked with stays outside."""
    for name, limit in (("agent", 1.0), ("server", None)):
        stripped = folder / f"nenghao-{name}.stripped"
        subprocess.run(["strip", "-o", stripped, BIN / f"nenghao-{name}"], check=True)
        size = stripped.stat().st_size / 1048576
        if limit:
            table.at_most(f"nenghao-{name}, stripped, MiB", size, limit)
        else:
            table.row(f"nenghao-{name}, stripped, MiB", size)


@part("plan", "edge: 1,000 meters x 20 values behind 40 gateways")
def requests_of_plan(table, folder):
    with Trial(folder, "plan") as trial:
        config = trial.agent_config(range(10001, 10001 + GATEWAYS), broker=1883)
        plan = json.loads(trial.stack.run(trial.stack.program("agent"), "plan", "--json", "-c",
                                          config).stdout)
        n = sum(len(bus["requests"]) for bus in plan["buses"])
        table.at_most("requests a meter for the 20 values", n / METERS, 3, 3.0)
        table.row("  beside collectd", n / METERS, float(len(ADDRESSES)))
        config = line_config(trial, "/dev/ttyS9", [1], QUANTITIES, 60)
        plan = json.loads(trial.stack.run(trial.stack.program("agent"), "plan", "--json", "-c",
                                          config).stdout)
        ours = sum(line_ms(r["count"]) for r in plan["buses"][0]["requests"])
        table.row(f"bus ms a meter and sweep, {BAUD} baud, {TURNAROUND_MS} ms turn-around", ours,
                  sum(map(line_ms, YARDSTICK_REQUESTS)))
        table.row("  beside collectd", ours, len(ADDRESSES) * line_ms(2))


def start_agent(trial, config, acker):
    agent = trial.stack.agent(config)
    wait_until(lambda: acker.totals()["readings"] >= 2 * METERS or not agent.is_running(), 30,
               "the agent delivers")
    if not agent.is_running():
        raise RuntimeError(agent.log())
    return agent


def watch_agent(agent, acker, fleet, seconds):
    """CPU microseconds a delivered value, values a second, requests a second."""
    def look():
        # Between two cycles, so that each look has seen whole ones.
        started = acker.totals()["values"]
        wait_until(lambda: acker.totals()["values"] != started, 30, "the agent delivers")
        time.sleep(0.4)
        return (time.monotonic(), cpu_us(agent), acker.totals()["values"],
                int(fleet.ask().split()[1]))
    before = look()
    time.sleep(seconds)
    after = look()
    took, cpu, values, requests = (b - a for a, b in zip(before, after))
    return cpu / values, values / took, requests / took


COLLECTD = """FQDNLookup false
Hostname "bench"
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
Interval {period}
LoadPlugin logfile
<Plugin logfile>
  File "{folder}/collectd.log"
</Plugin>
LoadPlugin mqtt
<Plugin mqtt>
  <Publish "bench">
    Host "127.0.0.1"
    Port "{broker}"
    ClientId "collectd"
    QoS 1
  </Publish>
</Plugin>
LoadPlugin modbus
<Plugin modbus>
{data}
{hosts}
</Plugin>
"""


def collectd_config(trial, ports):
    data = "\n".join(f'<Data "d{a}">\n RegisterBase {a}\n RegisterType Float\n RegisterCmd ReadInput\n'
                     f' Type gauge\n Instance "d{a}"\n</Data>' for a in ADDRESSES)
    collect = "\n".join(f'  Collect "d{a}"' for a in ADDRESSES)
    hosts = "\n".join(
        f'<Host "g{number}">\n Address "127.0.0.1"\n Port "{port}"\n Interval {COLLECTD_PERIOD}\n'
        + "\n".join(f' <Slave {unit}>\n  Instance "e{unit}"\n{collect}\n </Slave>'
                    for unit in range(1, UNITS + 1)) + "\n</Host>"
        for number, port in enumerate(ports, 1))
    config = trial.folder / "collectd.conf"
    config.write_text(COLLECTD.format(folder=trial.folder, period=COLLECTD_PERIOD, data=data,
                                      hosts=hosts, broker=trial.stack.broker_port))
    return config


def measure_collectd(trial, fleet, ports):
    """CPU us a value and resident MiB; None where it is not installed. A request is a value, which
    it publishes by itself."""
    program = shutil.which("collectd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return None
    process = trial.stack.add("collectd", [program, "-f", "-C", collectd_config(trial, ports)])
    first = int(fleet.ask().split()[1])
    wait_until(lambda: int(fleet.ask().split()[1]) - first >= 2 * METERS * len(ADDRESSES), 60,
               "collectd has read everything twice")
    cpu, requests = cpu_us(process), int(fleet.ask().split()[1])
    time.sleep(2 * COLLECTD_PERIOD)
    found = ((cpu_us(process) - cpu) / (int(fleet.ask().split()[1]) - requests), rss_mb(process))
    process.stop()
    return found


@part("edge", None, ["mosquitto"])
def edge_cpu(table, folder):
    with Trial(folder, "edge") as trial:
        trial.stack.mosquitto()
        fleet, ports = trial.fleet(0)
        acker = trial.helper("acker", trial.stack.broker_port)
        agent = start_agent(trial, trial.agent_config(ports), acker)
        cost, rate, _ = watch_agent(agent, acker, fleet, EDGE_SECONDS)
        rss = rss_mb(agent)
        agent.stop()
        paced = json.loads(trial.bench("yardstick_edge", trial.stack.broker_port, EDGE_SECONDS,
                                       1000, UNITS, *ports))
        table.ratio_at_most("CPU us a delivered value, 1,000 meters every second", cost,
                            paced["cpu_us_per_value"], 1.0)
        collectd = measure_collectd(trial, fleet, ports)
        if collectd is None:
            print("collectd is not installed (Debian: collectd-core): its rows are left out")
        else:
            table.row("  beside collectd", cost, collectd[0])
        table.row("  delivered values a second", rate, paced["values_per_second"])
        table.at_most("resident MiB, quantities listed for each meter", rss, 12,
                      paced["rss_kb"] / 1024)
        if collectd is not None:
            table.row("  beside collectd", rss, collectd[1])
        (trial.folder / "spool.db").unlink()
        agent = start_agent(trial, trial.agent_config(ports, quantities=()), acker)
        time.sleep(3)
        table.at_most("resident MiB, the profile's own 20 quantities", rss_mb(agent), 12,
                      paced["rss_kb"] / 1024)


@part("delay", None, ["mosquitto"])
def device_delay(table, folder):
    """More meters than the devices can answer for in a second: the lines never rest."""
    with Trial(folder, "delay") as trial:
        trial.stack.mosquitto()
        delay_ms, units = 20, 2 * UNITS
        fleet, ports = trial.fleet(delay_ms, units)
        acker = trial.helper("acker", trial.stack.broker_port)
        agent = start_agent(trial, trial.agent_config(ports, units=units), acker)
        _, _, rate = watch_agent(agent, acker, fleet, EDGE_SECONDS)
        agent.stop()
        before, began = int(fleet.ask().split()[1]), time.monotonic()
        trial.bench("yardstick_edge", trial.stack.broker_port, 6, 0, units, *ports)
        yardstick = (int(fleet.ask().split()[1]) - before) / (time.monotonic() - began)
        limit = GATEWAYS * 1000 / delay_ms
        table.at_least(f"share of the physical limit, {delay_ms} ms a device, {GATEWAYS} gateways",
                       rate / limit, 0.97, yardstick / limit)


@part("spool")
def spool_speed(table, folder):
    with Trial(folder, "spool") as trial:
        found = json.loads(trial.bench("bench_spool", trial.folder / "spool.db", 300))
        table.at_most("spool: append a cycle of 1,000 meters with fsync, ms, median",
                      found["append_ms"], 10)
        table.row("  99th percentile, ms", found["append_p99_ms"])
        table.at_least("spool: read back and mark, readings a second",
                       found["drain_readings_per_second"], 100000)
        table.row("  bytes on disk a reading", found["bytes_per_reading"])


@part("drain", None, ["mosquitto"])
def drain_backlog(table, folder):
    cycles = 300
    with Trial(folder, "drain") as trial:
        trial.stack.mosquitto()
        _, ports = trial.fleet(0)
        trial.bench("bench_spool", trial.folder / "spool.db", cycles, "fill")
        acker = trial.helper("acker", trial.stack.broker_port)
        agent = trial.stack.agent(trial.agent_config(ports))
        totals = wait_until(lambda: (lambda t: t["readings"] >= cycles * METERS and t)(acker.totals()),
                            60, "the backlog is drained")
        seconds = (totals["last_us"] - totals["first_us"]) / 1e6
        table.at_least("agent drains a backlog by MQTT, readings of 20 values a second",
                       totals["readings"] / seconds, 100000)
        table.row("  CPU us a value", cpu_us(agent) / totals["values"])


# ---- a serial line ----
def simulate_line(trial, units, dead=()):
    campus = trial.folder / "campus.yaml"
    campus.write_text(yaml.safe_dump({
        "campus": {"name": "line", "seed": 1, "timezone": "Asia/Shanghai", "start": "2023-01-01"},
        "profiles": [str(ROOT / "config" / "profiles")],
        "buses": [{"name": "line", "rtu": {"device": "line", "baud": BAUD, "pace": True},
                   "turnaround": f"{TURNAROUND_MS}ms",
                   "meters": [{"id": f"m-{u}", "unit": u, "profile": "eastron_sdm630",
                               "load": "office.power", "year": 10000,
                               "faults": [{"kind": "silence"}] if u in dead else []}
                              for u in units]}]}))
    _, where = trial.stack.simulator(campus)
    return where["buses"][0]["device"]


def sweeps_in_spool(path, interval):
    """Milliseconds from the first answer to the last one, and how many there were, by slot."""
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        times = [int(line.rsplit(" ", 1)[1]) for (body,) in database.execute("SELECT body FROM batch")
                 for line in body.decode().splitlines() if line.startswith("reading")]
        database.close()
    except sqlite3.OperationalError:  # not there yet
        return []
    slots = {}
    for at in times:
        slots.setdefault(at // (interval * 1000), []).append(at)
    return [(max(slot) - min(slot), len(slot)) for slot in slots.values()]


def line_share(table, folder):
    units, interval = range(1, UNITS + 1), 10
    with Trial(folder, "line-share") as trial:
        trial.stack.mosquitto()
        device = simulate_line(trial, units)
        config = line_config(trial, device, units, QUANTITIES, interval)
        plan = json.loads(trial.stack.run(trial.stack.program("agent"), "plan", "--json", "-c",
                                          config).stdout)
        ideal = sum(line_ms(r["count"]) for r in plan["buses"][0]["requests"]) / len(units)
        trial.stack.agent(config)

        def whole():
            found = sweeps_in_spool(trial.folder / "spool.db", interval)
            return [took / (n - 1) for took, n in found if n == len(units)]
        wait_until(lambda: len(whole()) >= 3, 90, "three whole sweeps")
        took = statistics.median(whole())
        table.row("ms a meter in a sweep; ideal beside it", took, ideal)
        table.at_least("share of the line's time that is reached", ideal / took, 0.98)


def on_time_beside_dead(table, folder):
    units, interval, dead = range(1, 33), 7, {3, 4, 5, 11, 14, 15, 20, 23, 29, 32}
    with Trial(folder, "line-dead") as trial:
        trial.stack.mosquitto()
        device = simulate_line(trial, units, dead)
        config = line_config(trial, device, units,
                             ["active_energy_import_kwh", "active_power_w", "voltage_l1_n_v",
                              "current_l1_a"], interval)
        trial.stack.agent(config)

        def meters():
            done = trial.stack.run(trial.stack.program("agent"), "status", "--json", "-c", config,
                                   check=False)
            return json.loads(done.stdout)["meters"] if done.returncode == 0 else []
        living = [f"m-{unit}" for unit in units if unit not in dead]

        def all_answer():
            states = {m["id"]: m["state"] for m in meters()}
            return states and all(states[m] == "ok" for m in living)
        wait_until(all_answer, 60, "the living answer")
        due, on_time, standstill, _ = slots_of(meters, living, 8 * interval)
        table.at_least(f"on time beside 10 dead of 32, {due} slots of the living", on_time / due,
                       0.999)
        table.row("  the machine stood still for, ms", standstill * 1000)


@part("line", "a serial line of 9600 baud, its time simulated", ["mosquitto"])
def serial_line(table, folder):
    line_share(table, folder)
    on_time_beside_dead(table, folder)
