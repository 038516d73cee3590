# SPDX-License-Identifier: Apache-2.0
"""The rules as shipped, each through a running server: what is read, billed and killed raises them."""
import yaml

from plant import INSTITUTION, Plant, PlainDates
from stack import http as ask, wait_until


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

    def opened():
        got = plant.get_quietly("/api/v1/events?limit=1000&state=open") or {"events": []}
        return {event["kind"]: event for event in got["events"]}
    wanted = {"night_load_high", "water_night_flow", "demand_above_contract", "coverage_low",
              "meter_silent"}
    try:
        wait_until(lambda: wanted <= set(opened()), 60, "they are found")
    except TimeoutError:
        raise AssertionError(sorted(opened())) from None
    events = opened()
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
    assert status == 200 and opened()["night_load_high"]["acknowledged"]["note"] == "物业已通知"
    assert server.stop() == 0

    # A rule that is gone takes its alarms along.
    (plant.folder / "none").mkdir()
    plant.write_server(alarms={"rules": str(plant.folder / "none")})
    server = stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: not wanted & set(opened()), 30, "they are over")
    assert server.stop() == 0
