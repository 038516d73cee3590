# SPDX-License-Identifier: Apache-2.0
"""What `registry diff` foretells is what the API shows once the registry is applied."""
import datetime
import json
import re
import shutil
import time
from decimal import Decimal

import pytest

from plant import INSTITUTION, Plant, meter_id
from stack import ROOT, wait_until
from test_server import HandMadeAgent, reading

DAY = 24 * 3600 * 1000


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False, interval="1h")
    stack.mosquitto()
    plant.write_registry()
    plant.write_server()
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = stack.server(plant.server_config)
    plant.wait_hears()
    return plant


def months(plant, short):
    path = (f"/api/v1/institutions/{INSTITUTION}/energy?interval=month&by=meter"
            "&from=2020-01-01&to=2100-01-01")
    return {point["start"][:7]: Decimal(point["value"])
            for series in plant.get(path)["series"]
            if series["key"].get("meter") == meter_id(short) for point in series["points"]}


def diff(plant, folder, *options):
    return plant.stack.run(plant.stack.program("server"), "registry", "diff", folder, *options,
                           "-c", plant.server_config).stdout


def test_what_is_foretold_comes_true(plant):
    agent = HandMadeAgent(plant.stack.broker_port)
    now = int(time.time() * 1000) // 3600000 * 3600000
    begin = now - 80 * DAY
    for seq in range(80):
        agent.send(1, seq + 1, [reading(short, str(1000 + seq * 24 + hour),
                                        begin + seq * DAY + hour * 3600000)
                                for short in ("e01", "e02") for hour in range(24)])
    agent.ack(1, 80, 30)
    agent.close()
    wait_until(lambda: sum(months(plant, "e01").values()) == 40 * (80 * 24 - 1), 30, "rolled up")
    old = {short: months(plant, short) for short in ("e01", "e02")}

    # The ratio was 40 on paper and 60 in the cabinet; the lighting's meter is unchanged.
    kept = plant.folder / "registry.old"
    shutil.copytree(plant.folder / "registry", kept)
    plant.write_registry(e01={"lives": [{"serial": "1", "from": "2023-01-01", "ratio": 60}]})
    changed = plant.folder / "registry.new"
    shutil.move(plant.folder / "registry", changed)
    shutil.copytree(kept, plant.folder / "registry")
    ledger = {f.name: f.stat().st_size for f in plant.folder.glob("ledger.db")}

    told = json.loads(diff(plant, changed, "--json"))["institutions"]
    assert [(i["institution"], i["state"]) for i in told] == [(INSTITUTION, "changed")]
    assert told[0]["meters"] == [{"meter": meter_id("e01"), "state": "changed"}]
    figures = told[0]["figures"]
    by_meter = {f["period"]: f for f in figures if f.get("meter") == meter_id("e01")}
    assert {p: Decimal(str(f["before"])) for p, f in by_meter.items()} == old["e01"]
    assert not any(f.get("meter") == meter_id("e02") for f in figures)
    assert {f["carrier"] for f in figures if "carrier" in f} == {"electricity"}
    assert "Nothing was changed" in diff(plant, changed)
    assert max(map(len, diff(plant, changed).splitlines())) <= 120
    assert {f.name: f.stat().st_size for f in plant.folder.glob("ledger.db")} == ledger
    assert months(plant, "e01") == old["e01"]
    assert json.loads(diff(plant, kept, "--json")) == {"institutions": []}

    shutil.rmtree(plant.folder / "registry")
    shutil.copytree(changed, plant.folder / "registry")
    plant.server.hang_up()
    new = {p: Decimal(str(f["after"])) for p, f in by_meter.items()}
    wait_until(lambda: months(plant, "e01") == new, 20, "what was foretold")
    assert sum(new.values()) == 60 * (80 * 24 - 1)
    assert months(plant, "e02") == old["e02"]


def test_a_target_that_would_move_is_foretold(plant):
    """A year that is over, against a target of the institution's own."""
    factors = plant.folder / "factors"
    shutil.copytree(ROOT / "config" / "factors", factors)
    plan = factors / "plan-14.yaml"
    text = re.sub(r"(?m)^targets:.*$", "targets:\n  - {institution: %s, indicator: energy_per_area_kgce, "
                  "reduction: 0.08, base: 14.2}" % INSTITUTION, plan.read_text(), count=1)
    assert INSTITUTION in text.split("targets:\n", 1)[1]
    plan.write_text(text)
    plant.server.stop()
    plant.write_server(factors=str(factors))
    table = plant.folder / "year.csv"
    begin = datetime.datetime(2024, 1, 1)
    table.write_text("time,meter,value\n" + "".join(
        f"{begin + datetime.timedelta(hours=hour)},{meter_id('e01')},{1000 + hour}\n" for hour in range(366 * 24 + 1)))
    plant.stack.run(plant.stack.program("server"), "import", table, "-c", plant.server_config)
    plant.server.start()
    plant.wait_ready()
    wait_until(lambda: sum(months(plant, "e01").values()) == 40 * 366 * 24, 30, "rolled up")
    kept = plant.folder / "registry.old"
    shutil.copytree(plant.folder / "registry", kept)
    plant.write_registry(e01={"lives": [{"serial": "1", "from": "2023-01-01", "ratio": 60}]})
    changed = plant.folder / "registry.new"
    shutil.move(plant.folder / "registry", changed)
    shutil.copytree(kept, plant.folder / "registry")
    figures = json.loads(diff(plant, changed, "--json"))["institutions"][0]["figures"]
    moved, = [f for f in figures if f.get("target") == "energy_per_area_kgce" and f["period"] == "2024"]
    assert moved["after"] < moved["before"]  # more energy, less of the reduction
