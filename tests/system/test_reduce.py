# SPDX-License-Identifier: Apache-2.0
"""Old readings are reduced by the running server, and its figures stay."""
import sqlite3
import time

import pytest

from plant import Plant, iso, meter_id, stamp
from stack import free_port, wait_until

MINUTE, HOUR, DAY, DAYS = 60_000, 3_600_000, 86_400_000, 4


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False, interval="60s")
    stack.broker_port = free_port()  # nobody is there
    plant.write_registry()
    return plant


def ask(plant, query):
    with sqlite3.connect(f"file:{plant.folder}/ledger.db?mode=ro", uri=True) as db:
        return db.execute(query).fetchone()[0]


def figures(plant, begin):
    span = f"from={stamp(begin)}&to={stamp(begin + DAYS * DAY)}"
    energy = plant.get(f"/api/v1/institutions/370102-0001/energy?{span}&interval=hour&by=meter")
    coverage = plant.get(f"/api/v1/meters/{meter_id('e01')}/coverage?{span}&interval=hour")
    return energy, coverage


def test_the_server_reduces_and_says_the_same(plant):
    begin = (int(time.time() * 1000) // DAY - 60) * DAY - 8 * HOUR  # a local midnight
    path = plant.folder / "history.lp"
    value = 1000
    with path.open("w") as out:
        for i in range(DAYS * 1440):
            value += i * 7 % 13
            out.write(f"reading,meter={meter_id('e01')} active_energy_import_kwh={value / 100} "
                      f"{begin + i * MINUTE + 120}\n")
    program = plant.stack.program("server")
    plant.write_server()  # 400d: nothing is old yet
    plant.stack.run(program, "import", path, "-c", plant.server_config)
    plant.token = plant.add_token("all", "--region", "370100", "--grade", "L3")
    server = plant.stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: ask(plant, "SELECT NOT EXISTS(SELECT 1 FROM dirty) AND NOT EXISTS(SELECT 1 FROM "
                                  "derived_dirty)"), 60, "figures")
    before = figures(plant, begin)
    assert len(before[0]["series"][0]["points"]) == DAYS * 24
    assert ask(plant, "SELECT sum(n) FROM register_day") == DAYS * 1440
    assert server.stop() == 0
    plant.write_server(ledger={"path": str(plant.folder / "ledger.db"), "readings": "32d"})
    server.start()
    plant.wait_ready()
    wait_until(lambda: ask(plant, "SELECT sum(n) FROM register_day") == DAYS * 48, 60, "reduction")
    assert figures(plant, begin) == before
    day = iso(begin)[:10]
    changed = ask(plant, "SELECT value FROM meta WHERE name = 'change'")
    plant.stack.run(program, "recompute", "--from", day, "-c", plant.server_config)
    wait_until(lambda: ask(plant, "SELECT value FROM meta WHERE name = 'change'") > changed and
               not ask(plant, "SELECT EXISTS(SELECT 1 FROM derived_dirty)"), 60, "figures again")
    assert figures(plant, begin) == before
