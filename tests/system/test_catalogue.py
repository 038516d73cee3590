# SPDX-License-Identifier: Apache-2.0
"""The data catalogue and its grades: who sees which data item of whom."""
import csv
import io
import json

import jsonschema
import pytest

from plant import Plant
from stack import ROOT, http, wait_until

# Six schools and a hospital that uses most; one more region with three; one sensitive site.
WORLD = [("370102-000%d" % n, "370102", "education", 1000 + n, False) for n in range(1, 7)] + \
    [("370102-0009", "370102", "health", 100000, False)] + \
    [("370103-000%d" % n, "370103", "education", 2000 + n, False) for n in range(1, 4)] + \
    [("370104-000%d" % n, "370104", "education", 3000 + n, False) for n in range(1, 6)] + \
    [("370104-0009", "370104", "education", 3000, True)]


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    bills = "institution,carrier,from,to,quantity,unit\n"
    for name, region, kind, kwh, sensitive in WORLD:
        (folder / f"{name}.yaml").write_text(
            f'id: {name}\nname: "{name}"\ntype: {kind}\nregion: "{region}"\n'
            f"sensitive: {str(sensitive).lower()}\n"
            f"headcount: [{{from: 2020-01-01, persons: 100}}]\nsupply: {{electricity: bill}}\n"
            f"accounts: [{{number: 'A-{name}', carrier: electricity}}]\n"
            f"buildings: [{{id: main, name: 主楼, class: A, area: [{{from: 2012-06-01, m2: 1000}}]}}]\n")
        bills += f"{name},electricity,2024-01-01,2024-12-31,{kwh},kWh\n"
        bills += f"{name},electricity,2025-01-01,2025-12-31,{kwh},kWh\n"
    plant.write_server(catalogue=str(plant.folder / "catalogue.yaml"))
    plant.catalogue = plant.folder / "catalogue.yaml"
    plant.catalogue.write_text((ROOT / "config" / "catalogue.yaml").read_text())
    (plant.folder / "bills.csv").write_text(bills)
    plant.tokens = {f"L{n}": plant.add_token(f"l{n}", "--region", "370100", "--grade", f"L{n}")
                    for n in range(1, 5)}
    plant.token = plant.tokens["L4"]
    stack.run(stack.program("server"), "import", "bills.csv", "-c", plant.server_config)
    plant.server = stack.server(plant.server_config)
    plant.wait_hears()
    path = "/api/v1/regions/370100/kpis?year=2025"
    wait_until(lambda: "computing" not in plant.get(path), 20, "computed")
    return plant


def ask(plant, path, token):
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1{path}", token=token)
    return status, body.decode()


def kpis(plant, grade, by=""):
    status, body = ask(plant, f"/regions/370100/kpis?year=2025{by}", plant.tokens[grade])
    assert status == 200
    rows = {}
    for row in json.loads(body)["rows"]:
        if not row["key"].get("own"):
            rows[next(iter(row["key"].values()))] = row["kpis"]
    return rows


def value(rows, key, kpi="electricity_kwh"):
    return rows[key][kpi]["value"]


def test_open_sums_hide_the_single_institution(plant):
    low, high = kpis(plant, "L1", "&by=region"), kpis(plant, "L2", "&by=region")
    # In 370102 the hospital has more than 80 %; in 370103 there are three; 370104 has five of a kind.
    assert value(high, "370102") == 106021 and value(low, "370102") is None
    assert value(high, "370103") == 6006 and value(low, "370103") is None
    # The hospital would have more than 80 % of what is left without 370104, so that is hidden too.
    assert value(high, "370104") == 15015 and value(low, "370104") is None
    hidden = low["370103"]["electricity_kwh"]
    assert set(hidden) == {"value", "unit", "coverage", "estimated", "reason"}
    assert hidden["reason"].startswith("of grade L2") and hidden["coverage"] is None
    # Heads are alike: nobody has more than 80 % of them, but the figure is the numerator's.
    assert low["370102"]["electricity_per_capita_kwh"]["value"] is None
    assert value(kpis(plant, "L4", "&by=region"), "370104") == 18015


def test_the_remainder_of_open_sums_is_not_told(plant):
    for row in ("370102-0009", "370102-0001"):  # then 370102 and 370104 are both open
        (plant.folder / "registry" / "institutions" / f"{row}.yaml").unlink()
    plant.server.hang_up()
    count = "/regions/370100"
    wait_until(lambda: json.loads(ask(plant, count, plant.token)[1])["institutions"] == 14, 10, "read anew")
    low = kpis(plant, "L1", "&by=region")
    assert value(kpis(plant, "L1"), "370100") is not None
    # Five in 370102, three in 370103, five in 370104: the total less two would be 370103's.
    assert value(low, "370103") is None
    assert [value(low, code) for code in ("370102", "370104")].count(None) == 1
    # Nor by any other question: what is hidden among its neighbours is hidden by itself, and in its parts.
    for code in ("370102", "370103", "370104"):
        for by in ("", "&by=region", "&by=type", "&by=affiliation"):
            status, body = ask(plant, f"/regions/{code}/kpis?year=2025{by}", plant.tokens["L1"])
            told = [row["kpis"].get("electricity_kwh", {}).get("value") for row in json.loads(body)["rows"]]
            assert status == 200
            if value(low, code) is None or by in ("&by=type", "&by=affiliation"):
                assert told.count(None) == len(told), (code, by, told)
            else:
                assert value(low, code) in told


def test_items_above_the_grade_are_not_there(plant):
    path = "/institutions/370102-0001"
    one = {grade: json.loads(ask(plant, path, token)[1]) for grade, token in plant.tokens.items()}
    assert set(one["L1"]) == {"institution", "name", "type", "region", "region_name", "department",
                              "affiliation", "uscc"}
    assert set(one["L2"]) - set(one["L1"]) == {"area_m2", "persons", "supply", "buildings", "meters"}
    assert set(one["L3"]) - set(one["L2"]) == {"accounts"}
    assert one["L3"]["accounts"][0]["number"] == "A-370102-0001"
    assert json.loads(ask(plant, path + "/kpis?year=2025", plant.tokens["L1"])[1])["rows"][0]["kpis"] == {}
    assert json.loads(ask(plant, path + "/kpis?year=2025", plant.tokens["L2"])[1])["rows"][0]["kpis"]
    for where in ("/regions/370100/ranking?kpi=electricity_kwh&year=2025", "/events",
                  path + "/energy?from=2025-01-01&to=2025-02-01&interval=month"):
        assert ask(plant, where, plant.tokens["L1"])[0] == 403
        assert ask(plant, where, plant.tokens["L2"])[0] == 200
    own = plant.add_token("own", "--institution", "370102-0001", "--role", "reporter")
    assert "A-370102-0001" in ask(plant, path, own)[1]


def test_a_sensitive_site_is_nowhere_below_its_grade(plant):
    hidden = "370104-0009"
    for path in ("/institutions", "/institutions?q=0009", "/regions/370104/ranking?kpi=electricity_kwh&year=2025",
                 "/regions/370104/kpis?year=2025&by=institution"):
        assert hidden not in ask(plant, path, plant.tokens["L3"])[1]
        assert hidden in ask(plant, path, plant.tokens["L4"])[1]
    assert ask(plant, f"/institutions/{hidden}", plant.tokens["L3"])[0] == 404
    own = plant.add_token("own", "--institution", hidden)
    assert ask(plant, f"/institutions/{hidden}", own)[0] == 200


def test_a_sensitive_site_is_on_no_map(plant):
    for name in ("370104-0001", "370104-0009"):
        file = plant.folder / "registry" / "institutions" / f"{name}.yaml"
        file.write_text(file.read_text() + "location: {latitude: 36.66, longitude: 117.07, datum: wgs84}\n")
    plant.server.hang_up()

    def placed():
        rows = json.loads(ask(plant, "/institutions?region=370104", plant.tokens["L4"])[1])["institutions"]
        assert "370104-0009" in [row["institution"] for row in rows]
        return [row["institution"] for row in rows if "location" in row]

    wait_until(placed, 10, "read anew")
    assert placed() == ["370104-0001"]
    assert "location" in json.loads(ask(plant, "/institutions/370104-0009", plant.tokens["L4"])[1])


def test_the_catalogue_lists_what_there_is(plant):
    status, body = ask(plant, "/catalogue?limit=1000", plant.tokens["L1"])
    listed = json.loads(body)
    document = json.loads(ask(plant, "/openapi.json", plant.token)[1])
    schema = {"$ref": "#/components/schemas/CatalogueList", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(listed)
    items = {item["item"]: item for item in listed["items"]}
    assert status == 200 and listed["version"] == "2026.1" and listed["next"] is None
    assert items["load"]["grade"] == "L3" and items["electricity_kwh"]["aggregate_grade"] == "L1"
    assert items["area_m2"]["coverage"] == 1 and items["location"]["coverage"] == 0
    assert items["energy"]["newest"] == "2025-12-31"
    pages, cursor = [], ""
    while cursor is not None:
        page = json.loads(ask(plant, f"/catalogue?limit=7{cursor}", plant.token)[1])
        pages += [item["item"] for item in page["items"]]
        cursor = page["next"] and "&cursor=" + page["next"]
    assert pages == list(items)
    rows = list(csv.DictReader(io.StringIO(ask(plant, "/catalogue?format=csv", plant.token)[1])))
    assert [row["item"] for row in rows] == list(items) and rows[0]["share"] == "无条件"


def test_another_version_holds_from_the_next_hangup(plant):
    path = "/institutions/370102-0001"
    text = plant.catalogue.read_text()
    plant.catalogue.write_text(text.replace('version: "2026.1"', 'version: "2026.2"')
                               .replace("item: persons,", "item: persons,", 1)
                               .replace("unit: person, source: registry, cycle: on_change,\n     "
                                        "share: 有条件, open: 有条件, grade: L2, aggregate: L1",
                                        "unit: person, source: registry, cycle: on_change,\n     "
                                        "share: 不予, open: 不予, grade: L3")
                               .replace('format: "id, carrier, item, role", source: registry, '
                                        "cycle: on_change,\n     share: 有条件, open: 不予, grade: L2",
                                        'format: "id, carrier, item, role", source: registry, '
                                        "cycle: on_change,\n     share: 不予, open: 不予, grade: L3"))
    digest = json.loads(ask(plant, "/catalogue", plant.token)[1])["digest"]
    plant.server.hang_up()
    wait_until(lambda: json.loads(ask(plant, "/catalogue", plant.token)[1])["version"] == "2026.2", 10,
               "the new version")
    assert json.loads(ask(plant, "/catalogue", plant.token)[1])["digest"] != digest
    assert "persons" not in json.loads(ask(plant, path, plant.tokens["L2"])[1])
    assert "persons" in json.loads(ask(plant, path, plant.tokens["L3"])[1])
    energy = f"{path}/energy?from=2026-01-01&to=2026-02-01&interval=month&by="
    assert ask(plant, energy + "building", plant.tokens["L2"])[0] == 200
    assert ask(plant, energy + "meter", plant.tokens["L2"])[0] == 403
    assert ask(plant, energy + "meter", plant.tokens["L3"])[0] == 200
    plant.catalogue.write_text("version: broken")
    plant.server.hang_up()
    wait_until(lambda: "what is in force stays" in plant.server.log(), 10, "the mistake is logged")
    assert json.loads(ask(plant, "/catalogue", plant.token)[1])["version"] == "2026.2"
    done = plant.stack.run(plant.stack.program("server"), "check", "-c", plant.server_config, check=False)
    assert done.returncode == 78 and "items: is missing" in done.stderr
