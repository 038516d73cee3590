# SPDX-License-Identifier: Apache-2.0
"""InfluxDB 2 and 3: their write contracts, kept by a server that writes to both at once."""
import json
import time

import pytest

from fake_influx import FakeInflux
from plant import Plant, meter_id
from stack import wait_until
from test_databases import assert_same, ledger_times, readiness

TOKENS = {"influxdb2": "two-==_secret", "influxdb3": "apiv3_three.secret"}
PLACES = {"influxdb2": {"org": "节能 中心", "bucket": "nenghao/a&b=c"}, "influxdb3": {"db": "nenghao"}}


@pytest.fixture
def fakes():
    made = {kind: FakeInflux(kind, TOKENS[kind], PLACES[kind]) for kind in TOKENS}
    yield made
    for fake in made.values():
        fake.close()


@pytest.fixture
def plant(stack, fakes):
    plant = Plant(stack, interval="1s", tsdb=False)
    plant.meters = {short: plant.meters[short] for short in ("e03", "e04", "w01")}
    databases = []
    for kind, fake in fakes.items():
        secret = plant.folder / f"{kind}.token"
        secret.write_text(TOKENS[kind] + "\n")
        secret.chmod(0o600)
        place = {"database" if key == "db" else key: text for key, text in PLACES[kind].items()}
        databases.append({"kind": kind, "url": fake.url, "token_file": str(secret), **place})
    stack.mosquitto()
    plant.write_campus()
    plant.write_registry()
    plant.write_server(tsdb=databases)
    _, where = stack.simulator(plant.campus)
    plant.write_agent(where)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    return plant


def run(plant):
    plant.server = plant.stack.server(plant.server_config)
    plant.agent = plant.stack.agent(plant.agent_config)
    plant.wait_ready()


def names_in(fake):
    with fake.lock:
        return {name for name, _, _, _ in fake.points}


def stored_in(fake):
    def stored(plant, short, before):
        field, meter = plant.meters[short][9], meter_id(short)
        with fake.lock:
            return sorted(ms for name, tags, key, ms in fake.points
                          if name == "reading" and key == field and ("meter", meter) in tags
                          and ms < before)
    return stored


def dead_letters(plant):
    done = plant.stack.run(plant.stack.program("server"), "status", "--json", "-c",
                           plant.server_config)
    return json.loads(done.stdout)["dead_letters"]


def test_what_is_refused_for_now_comes_later_and_nothing_is_put_aside(plant, fakes):
    """Too many requests, overload, a gateway's fault, a token that is not valid yet."""
    for fake in fakes.values():
        fake.answers = [429, 503, 502, 500]
        fake.token = "not yet"
    run(plant)
    wait_until(lambda: len(ledger_times(plant, "e03", plant.now_ms())) > 8, 30, "readings")
    wait_until(lambda: all(401 in fake.refused for fake in fakes.values()), 30, "401 was given")
    state = readiness(plant)
    assert not state["ready"] and any("401" in reason for reason in state["reasons"]), state
    for kind, fake in fakes.items():
        assert fake.refused[:4] == [429, 503, 502, 500]
        with fake.lock:
            assert not fake.points
            fake.token = TOKENS[kind]
    wait_until(lambda: readiness(plant)["ready"], 60, "ready")
    for fake in fakes.values():
        assert_same(plant, stored_in(fake))
        assert set(fake.refused) <= {429, 503, 502, 500, 401}
        wait_until(lambda: {"reading", "energy_hour", "directory", "agent"} <= names_in(fake), 60, "every series")  # noqa: B023
    wait_until(lambda: fakes["influxdb2"].deletions, 60, "rows are deleted before they are written again")
    assert dead_letters(plant) == []
    for kind in TOKENS:
        assert TOKENS[kind] not in plant.server.log()


def test_a_line_that_is_refused_is_the_only_one_put_aside(plant, fakes):
    """Version 2 takes nothing of such a batch, version 3 all the rest."""
    bad = meter_id("w01")
    for fake in fakes.values():
        fake.is_poison = lambda line: line.startswith("reading,") and bad in line
    run(plant)
    wait_until(lambda: len(ledger_times(plant, "e03", plant.now_ms())) > 12, 30, "readings")
    time.sleep(1)
    whole, plant.meters = plant.meters, {s: m for s, m in plant.meters.items() if s != "w01"}
    for fake in fakes.values():
        assert_same(plant, stored_in(fake))
    plant.meters = whole
    assert all(not stored_in(fake)(plant, "w01", plant.now_ms()) for fake in fakes.values())
    rows = dead_letters(plant)
    assert len(rows) == 1 and rows[0]["lines"] >= 2 * 12, rows  # of each database
