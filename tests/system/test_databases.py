# SPDX-License-Identifier: Apache-2.0
"""Databases that are away, lose what they took, or come late: each reading is there in the end."""
import json
import time

import pytest

from plant import Plant, meter_id
from stack import free_port, http, wait_until


@pytest.fixture
def plant(stack):
    plant = Plant(stack, interval="1s", tsdb=False)
    plant.meters = {short: plant.meters[short] for short in ("e03", "e04", "w01")}
    return plant


def start(plant, databases):
    stack = plant.stack
    stack.mosquitto()
    plant.write_campus()
    plant.write_registry()
    plant.write_server(tsdb=databases)
    _, where = stack.simulator(plant.campus)
    plant.write_agent(where)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = stack.server(plant.server_config)
    plant.agent = stack.agent(plant.agent_config)
    plant.wait_ready()


def ledger_times(plant, short, before):
    return [t for t, _ in plant.readings(short, plant.utc_start - 60000, before)]


def in_victoria(plant, short, before):
    field = plant.meters[short][9]
    base = f"http://127.0.0.1:{plant.stack.victoria_port}"
    http("GET", f"{base}/internal/force_flush")
    _, _, body = http("GET", f'{base}/api/v1/export?match[]=reading_{field}{{meter="{meter_id(short)}"}}'
                             f"&start={plant.utc_start // 1000 - 60}")
    times = set()
    for line in body.decode().splitlines():
        times.update(json.loads(line)["timestamps"])
    return sorted(t for t in times if t < before)


def in_influx(plant, short, before):
    field = plant.meters[short][9]
    series = plant.stack.influx_query(
        f"SELECT \"{field}\" FROM reading WHERE meter = '{meter_id(short)}' AND time < {before}ms")
    return [int(row[0]) for row in series[0]["values"]] if series else []


def assert_same(plant, stored):
    before = plant.now_ms()
    for short in plant.meters:
        wait_until(lambda: any(t >= before for t in ledger_times(plant, short, plant.now_ms())), 15, "fresh readings")
    for short in plant.meters:
        # A meter's readings come in order: those before its fresh one are all there.
        expected = ledger_times(plant, short, before)
        assert len(expected) > 10
        try:
            wait_until(lambda: stored(plant, short, before) == expected, 30, "")
        except TimeoutError:
            pass
        assert stored(plant, short, before) == expected, short


def readiness(plant):
    _, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/readyz")
    return json.loads(body)


def test_victoriametrics_killed_while_it_holds_what_it_acknowledged(plant, stack):
    """It answers 204 before data are safe: kill -9 loses them, and they are sent again."""
    database = stack.victoriametrics()
    start(plant, [{"kind": "victoriametrics", "url": f"http://127.0.0.1:{stack.victoria_port}",
                   "durable_after": "20s"}])
    for seconds in (6, 30):
        time.sleep(seconds)
        database.kill()
        time.sleep(1.5)
        database.start()
        wait_until(lambda: readiness(plant)["ready"], 60, "the database takes lines again")
    assert_same(plant, in_victoria)


def test_a_database_that_was_never_there_gets_everything_when_it_comes(plant, stack):
    port = stack.influx_port = free_port()
    start(plant, [{"kind": "influxdb1", "url": f"http://127.0.0.1:{port}", "database": "nenghao"}])
    wait_until(lambda: len(ledger_times(plant, "e03", plant.now_ms())) > 8, 30, "readings")
    state = readiness(plant)
    assert not state["ready"] and "influxdb1" in state["reasons"][0]
    plant.server.kill()  # what waits on disk survives
    plant.server.start()
    plant.wait_ready()
    time.sleep(3)
    stack.influxdb(port)
    wait_until(lambda: readiness(plant)["ready"], 60, "ready")
    assert_same(plant, in_influx)


def test_two_databases_hold_the_same(plant, stack):
    stack.influxdb()
    stack.victoriametrics()
    start(plant, [
        {"kind": "influxdb1", "url": f"http://127.0.0.1:{stack.influx_port}", "database": "nenghao"},
        {"kind": "victoriametrics", "url": f"http://127.0.0.1:{stack.victoria_port}",
         "durable_after": "2s"}])
    wait_until(lambda: len(ledger_times(plant, "e03", plant.now_ms())) > 12, 30, "readings")
    assert_same(plant, in_influx)
    assert_same(plant, in_victoria)
