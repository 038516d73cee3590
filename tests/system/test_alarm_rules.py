# SPDX-License-Identifier: Apache-2.0
"""The rules as shipped, each through a running server: what is read, billed and killed raises them."""
import json
import shutil
import time

import yaml

from hand_made import HandMadeAgent
from plant import INSTITUTION, Plant, PlainDates, meter_id
from stack import ROOT, http as ask, wait_until


def opened(plant):
    """{kind: event} of what is open."""
    got = plant.get_quietly("/api/v1/events?limit=1000&state=open") or {"events": []}
    return {event["kind"]: event for event in got["events"]}


def closed(plant, kind):
    got = plant.get_quietly(f"/api/v1/events?state=closed&kind={kind}") or {"events": []}
    return got["events"]


def history(folder, start, days):
    """Six weeks of a quarter of an hour each: an office whose last four nights run on, whose pipe
    leaks since six days, and whose demand is above its contract; the gas meter's readings end."""
    registers = {"e01": 0.0, "w01": 0.0, "g01": 0.0}
    with open(folder / "history.lp", "w") as file:
        for quarter in range(days * 96):
            at = start + quarter * 900000
            day, hour = quarter // 96, quarter % 96 // 4
            works = (3 + day) % 7 < 5 and 9 <= hour < 17  # 2026-01-01 is a Thursday
            for short, quantity in (("e01", "active_energy_import_kwh"), ("w01", "volume_total_m3"),
                                    ("g01", "volume_total_m3")):
                if short == "g01" and day >= days - 6:
                    continue
                file.write(f"reading,meter={INSTITUTION}-{short} {quantity}={registers[short]:.3f} {at}\n")
            at_night = day >= days - 4 and (hour < 7 or hour >= 19)
            registers["e01"] += 25 if works else 22 if at_night else 5
            registers["w01"] += (0.5 if works else 0.01) + (0.2 if day >= days - 6 else 0)
            registers["g01"] += 1


def test_rules_look_at_what_was_read(stack):
    """Loads, water, coverage, demand and silence, through import, roll-ups and rules as shipped."""
    days = 42
    plant = Plant(stack, tsdb=False, start_local="2026-02-12T06:30:00", speed=240)
    stack.mosquitto()
    meters = [{"id": f"{INSTITUTION}-{short}", "carrier": carrier, "role": "main",
               "quantity": quantity, "interval": "15m",
               "lives": [{"serial": "1", "from": "2025-01-01", "ratio": 1}]}
              for short, carrier, quantity in (
                  ("e01", "electricity", "active_energy_import_kwh"),
                  ("w01", "water", "volume_total_m3"), ("g01", "natural_gas", "volume_total_m3"))]
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    (folder / f"{INSTITUTION}.yaml").write_text(yaml.dump(
        {"id": INSTITUTION, "name": "历下区档案馆", "type": "culture", "region": "370102",
         "headcount": [{"from": "2020-01-01", "persons": 100}], "meters": meters,
         "accounts": [{"number": "4711", "carrier": "electricity", "demand_kw": 90,
                       "meters": [f"{INSTITUTION}-e01"]}]},
        allow_unicode=True, sort_keys=False, Dumper=PlainDates))
    plant.write_server()
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3", "--role", "admin")
    history(plant.folder, plant.utc_start - int(6.5 * 3600000) - days * 86400000, days)
    stack.run(stack.program("server"), "import", plant.folder / "history.lp", "-c", plant.server_config)
    server = stack.server(plant.server_config)
    plant.wait_ready()

    wanted = {"night_load_high", "water_night_flow", "demand_above_contract", "coverage_low",
              "meter_silent"}
    try:
        wait_until(lambda: wanted <= set(opened(plant)), 60, "they are found")
    except TimeoutError:
        raise AssertionError(sorted(opened(plant))) from None
    events = opened(plant)
    assert "water_night_rise" not in events, "one leak, one alarm"
    assert events["night_load_high"]["cause"] == "night-load"
    assert events["night_load_high"]["time"].startswith("2026-02-08T00:00"), "its first night"
    assert abs(events["night_load_high"]["value"] - 0.88) < 0.01
    assert events["demand_above_contract"]["cause"] == "demand/4711"
    assert events["demand_above_contract"]["value"] > 1.1
    assert events["coverage_low"]["cause"] == "coverage-low/natural_gas"

    assert events["meter_silent"]["meter"] is None, "all of them at once have one cause"

    # A person has seen it: it stays open, and its notices go on as before.
    status, _, _ = ask("POST", f"http://127.0.0.1:{plant.http_port}/api/v1/events/"
                       f"{events['night_load_high']['id']}/acknowledge", '{"note": "物业已通知"}'.encode(),
                       plant.token, headers={"Content-Type": "application/json"})
    assert status == 200 and opened(plant)["night_load_high"]["acknowledged"]["note"] == "物业已通知"
    assert server.stop() == 0

    # A rule that is gone takes its alarms along.
    (plant.folder / "none").mkdir()
    plant.write_server(alarms={"rules": str(plant.folder / "none")})
    server = stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: not wanted & set(opened(plant)), 30, "they are over")
    assert server.stop() == 0


def write_goals(plant):
    """A plan with a target and a filed base, and a quota with its limit."""
    factors = plant.folder / "factors"
    shutil.copytree(ROOT / "config" / "factors", factors)
    for plan in factors.glob("plan-*.yaml"):
        plan.unlink()
    (factors / "plan.yaml").write_text(
        "id: plan\nname: 规划\nkind: plan\nsource: test\nverified: true\nbase_year: 2025\ntarget_year: 2030\nfrozen_year: 2023\n"
        f"targets:\n  - {{institution: {INSTITUTION}, indicator: energy_per_area_kgce, reduction: 0.05, base: 14.2}}\n")
    (factors / "quota-test.yaml").write_text(
        'id: quota-test\nname: 定额\nkind: quota\nsource: test\nverified: true\nregion: "370000"\n'
        "classes:\n  - id: venue\n    name: 场馆\n    types: [culture]\n"
        "    quotas:\n      - {indicator: energy_per_area_kgce, limit: 12, base: 10, guide: 8}\n")


def bills(plant, name, months, kwh):
    rows = ["institution,carrier,from,to,quantity,unit"]
    rows += [f"{INSTITUTION},electricity,{first},{last},{kwh},kWh" for first, last in months]
    (plant.folder / name).write_text("\n".join(rows) + "\n")
    plant.stack.run(plant.stack.program("server"), "import", plant.folder / name, "-c", plant.server_config)


def test_a_quota_and_a_target_are_exceeded_and_met_again(stack):
    """By bills: 120 MWh in twelve months on 1000 m2 are 14.7 kgce/m2, against 12 and about 14.1."""
    plant = Plant(stack, tsdb=False, start_local="2026-07-02T06:00:00", speed=14400)
    stack.mosquitto()
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    (folder / f"{INSTITUTION}.yaml").write_text(
        f'id: {INSTITUTION}\nname: 历下区档案馆\ntype: culture\nregion: "370102"\nsupply: {{electricity: bill}}\n'
        "headcount: [{from: 2020-01-01, persons: 100}]\n"
        "buildings: [{id: main, name: 主楼, class: A, area: [{from: 2012-06-01, m2: 1000}]}]\n")
    write_goals(plant)
    plant.write_server(factors=str(plant.folder / "factors"), alarms={"rules": str(ROOT / "config" / "alarms")})
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3", "--role", "admin")
    ends = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    months = [(f"{2025 + n // 12}-{n % 12 + 1:02}-01", f"{2025 + n // 12}-{n % 12 + 1:02}-{ends[n % 12]}") for n in range(18)]
    bills(plant, "bills.csv", months, 10000)
    server = stack.server(plant.server_config)
    plant.wait_ready()

    def found():
        return {"quota_exceeded", "target_exceeded"} <= set(opened(plant))
    wait_until(found, 60, "both are exceeded")
    events = opened(plant)
    assert events["quota_exceeded"]["cause"] == "quota/energy_per_area_kgce"
    assert events["target_exceeded"]["cause"] == "target/energy_per_area_kgce"
    year = plant.get_quietly(f"/api/v1/institutions/{INSTITUTION}/kpis?year=2026&period=rolling12")["rows"][0]
    assert abs(events["quota_exceeded"]["value"] - year["kpis"]["energy_per_area_kgce"]["value"] / 12) < 0.01
    assert abs(events["quota_exceeded"]["value"] - 14.748 / 12) < 0.02
    assert events["target_exceeded"]["value"] > 1.02

    # Three of the bills were wrong: with the right ones both are met, at the next day's look.
    base = f"http://127.0.0.1:{plant.http_port}/api/v1/bills"
    listed = plant.get_quietly(f"/api/v1/bills?institution={INSTITUTION}&limit=100")["bills"]
    wrong = [bill for bill in listed if bill["from"] in ("2026-01-01", "2026-02-01", "2026-03-01")]
    assert len(wrong) == 3
    for bill in wrong:
        status, _, body = ask("POST", f"{base}/{bill['id']}/withdraw", json.dumps({"reason": "抄错"}).encode(), plant.token,
                              headers={"Content-Type": "application/json"})
        assert status == 200, body
    bills(plant, "right.csv", months[12:15], 1000)
    wait_until(lambda: closed(plant, "quota_exceeded") and closed(plant, "target_exceeded"), 90, "both are met again")
    assert not {"quota_exceeded", "target_exceeded"} & set(opened(plant))
    assert server.stop() == 0


def test_a_database_that_is_killed_is_told_and_is_over_when_it_takes_again(stack):
    plant = Plant(stack, start_local="2026-03-02T10:00:00", speed=120)
    stack.mosquitto()
    database = stack.influxdb()
    plant.write_registry()
    plant.write_server(alarms={"rules": str(ROOT / "config" / "alarms")})
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3", "--role", "admin")
    server = stack.server(plant.server_config)
    plant.wait_hears()
    agent = HandMadeAgent(stack.broker_port)
    seq = 0

    def goes_on(condition):
        """Readings go on coming while it is waited for."""
        nonlocal seq
        seq += 1
        now = plant.now_ms()
        agent.send(7, seq, [f"reading,meter={meter_id('e01')} active_energy_import_kwh={1000 + seq / 10} {now}"],
                   oldest=seq, time_ms=now)
        time.sleep(0.3)
        return condition()
    wait_until(lambda: goes_on(lambda: stack.influx_query('SELECT count("active_energy_import_kwh") FROM "reading"')),
               60, "the database takes readings")
    assert "database_down" not in opened(plant)
    killed = plant.now_ms()
    database.kill()
    wait_until(lambda: goes_on(lambda: "database_down" in opened(plant)), 90, "it is missed")
    assert plant.now_ms() - killed >= 15 * 60 * 1000, "not before it is due"
    event = opened(plant)["database_down"]
    assert event["cause"] == "database-down/influxdb1" and event["severity"] == "error" and event["text"]
    assert ask("GET", f"http://127.0.0.1:{plant.http_port}/healthz")[0] == 200
    database.start()
    wait_until(lambda: goes_on(lambda: closed(plant, "database_down")), 90, "it is over")
    assert "database_down" not in opened(plant)
    agent.close()
    assert server.stop() == 0
