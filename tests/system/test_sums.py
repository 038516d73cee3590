# SPDX-License-Identifier: Apache-2.0
"""An auditor with nothing but the HTTP interface: every sum is added up again, to the last digit,
over all periods, divisions, carriers, items and buildings."""
import datetime
import decimal
import itertools
import json
import shutil
import time
from decimal import Decimal

import pytest
import yaml

from plant import Plant
from stack import ROOT, Stack, http, wait_until

YEAR = 2025
REGION = "370100"
PERIODS = ([f"month&number={n}" for n in range(1, 13)] + ["year", "heating"] + [f"half&number={n}" for n in (1, 2)] +
           [f"quarter&number={n}{alone}" for n in (1, 2, 3, 4) for alone in ("", "&cumulative=false")])
DIVISIONS = ["region", "type", "department", "affiliation", "institution"]
# What is added up over institutions; everything else is a quotient of such sums, a mean or a peak.
ADDED = ["total_energy_kgce", "electricity_kwh", "electricity_used_kwh", "water_m3", "co2_scope1_kg", "co2_scope2_kg",
         "co2_kg", "pv_generation_kwh", "pv_own_use_kwh", "lighting_sockets_kwh", "air_conditioning_kwh", "power_kwh",
         "special_kwh", "submeter_residual_kwh", "energy_cost_yuan", "water_cost_yuan"]
CARRIERS = {"electricity": "electricity_kwh", "water": "water_m3"}
ZERO = Decimal(0)


def write_billed(folder):
    """Institutions known by their bills alone, of other counties, types, lines and levels."""
    kinds = itertools.product(["370102", "370103", "370104"], ["health", "culture"])
    bills = ["institution,carrier,from,to,quantity,unit,fee"]
    for n, (county, kind) in enumerate(kinds):
        name = f"{county}-1{n:03}"
        (folder / "registry" / "institutions" / f"{name}.yaml").write_text(
            f'id: {name}\nname: 机构{n}\ntype: {kind}\nregion: "{county}"\ndepartment: {"卫生" if n % 2 else "文化"}\n'
            f"affiliation: {'county' if n % 3 else 'city'}\nheadcount: [{{from: 2020-01-01, persons: {31 + n}}}]\n"
            "supply: {electricity: bill, water: bill, natural_gas: bill, petrol: bill}\n"
            f"buildings: [{{id: main, name: 主楼, class: A, area: [{{from: 2012-06-01, m2: {700 + 7 * n}}}]}}]\n")
        day = datetime.date(YEAR - 1, 12, 17)
        while day < datetime.date(YEAR + 1, 2, 1):
            to = day + datetime.timedelta(days=29 + n)  # over the ends of months, of other lengths everywhere
            for carrier, unit, size in (("electricity", "kWh", 1013), ("water", "m3", 57), ("natural_gas", "m3", 171), ("petrol", "L", 97)):
                bills.append(f"{name},{carrier},{day},{to},{size + n}.{day.day},{unit},{size * 3 + n}.{day.month:02}")
            day = to + datetime.timedelta(days=1)
    (folder / "bills.csv").write_text("\n".join(bills) + "\n")


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("sums"))
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    shutil.copytree(ROOT / "config" / "demo" / "registry", plant.folder / "registry")
    plant.write_server()
    write_billed(plant.folder)
    campus = plant.folder / "campus.yaml"
    campus.write_text(f"profiles: [{ROOT}/config/profiles]\n" + (ROOT / "config" / "campus.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    history = stack.run(stack.program("sim"), "history", "-c", campus, "--from", f"{YEAR - 1}-12-20T00:00:00+08:00",
                        "--to", f"{YEAR + 1}-01-03T00:00:00+08:00", "--interval", "6h", text=False).stdout
    (plant.folder / "history.lp").write_bytes(history)
    for file in ("history.lp", "bills.csv", ROOT / "config" / "demo" / "bills.csv"):
        stack.run(stack.program("server"), "import", "-c", plant.server_config, file)
    plant.token = plant.add_token("auditor", "--region", REGION, "--grade", "L4")
    plant.server = stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: "computing" not in plant.get(f"/api/v1/regions/{REGION}/kpis"), 60, "computed")
    plant.names = [one["institution"] for one in ask(plant, "/institutions")["institutions"]]
    yield plant
    stack.close()


def ask(plant, path):
    """The answer with exact numbers."""
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1{path}", token=plant.token)
    assert status == 200, (path, body)
    return json.loads(body, parse_float=Decimal, parse_int=Decimal)


def value(row, kpi):
    return row["kpis"].get(kpi, {}).get("value")


def known_sum(values):
    """None if none is known."""
    known = [one for one in values if one is not None]
    return sum(known, ZERO) if known else None


@pytest.mark.parametrize("period", PERIODS)
def test_divisions_add_up_to_the_region(plant, period):
    question = f"/regions/{REGION}/kpis?year={YEAR}&period={period}"
    whole = ask(plant, question)["rows"][0]
    assert value(whole, "total_energy_kgce") > 0 and value(whole, "co2_kg") > 0
    for by in DIVISIONS:
        rows = ask(plant, f"{question}&by={by}")["rows"]
        assert len(rows) > 1
        for kpi in ADDED:
            assert known_sum(value(row, kpi) for row in rows) == value(whole, kpi), (by, kpi)
        if by != "institution":
            assert sum(row["institutions"] for row in rows) == whole["institutions"] == len(plant.names)
    counties = ask(plant, f"{question}&by=region")["rows"]
    for row in counties:
        alone = ask(plant, f"/regions/{row['key']['region']}/kpis?year={YEAR}&period={period}")["rows"][0]
        if not row["key"].get("own"):
            assert alone["kpis"].keys() == row["kpis"].keys()
            assert all(value(alone, kpi) == value(row, kpi) for kpi in row["kpis"]), row["key"]


@pytest.mark.parametrize("kpi", ["electricity_kwh", "water_m3", "pv_generation_kwh", "lighting_sockets_kwh", "total_energy_kgce", "co2_kg"])
def test_months_add_up_to_longer_periods(plant, kpi):
    def of(name, period):
        return value(ask(plant, f"/institutions/{name}/kpis?year={YEAR}&period={period}")["rows"][0], kpi)

    spans = [(f"quarter&number={n}", 0, 3 * n) for n in (1, 2, 3, 4)] + [("year", 0, 12), ("half&number=1", 0, 6), ("half&number=2", 6, 12)] + \
        [(f"quarter&number={n}&cumulative=false", 3 * n - 3, 3 * n) for n in (1, 2, 3, 4)]
    n_sums = 0
    for name in plant.names:
        months = [of(name, f"month&number={n}") for n in range(1, 13)]
        for period, first, end in spans:
            if None not in months[first:end]:
                assert sum(months[first:end]) == of(name, period), (name, period)
                n_sums += 1
    assert n_sums >= len(spans)


def series(plant, name, first, last, interval, by="carrier"):
    """{(carrier, item or building or meter): {start: value}}"""
    answer = ask(plant, f"/institutions/{name}/energy?from={first}&to={last}&interval={interval}&by={by}")
    return {(one["key"]["carrier"], next((v for k, v in one["key"].items() if k != "carrier"), None)):
            {point["start"]: point["value"] for point in one["points"]} for one in answer["series"]}


def test_hours_days_and_months_add_up(plant):
    n_sums = 0
    for name, (year, month) in itertools.product(plant.names, ((YEAR, 2), (YEAR, 7), (YEAR, 12))):
        first, last = f"{year}-{month:02}-01", f"{year + month // 12}-{month % 12 + 1:02}-01"
        of_month = series(plant, name, first, last, "month")
        for by in ("carrier", "item", "building", "meter"):
            days, month_by = (series(plant, name, first, last, interval, by) for interval in ("day", "month"))
            assert days.keys() == month_by.keys()
            for key, points in month_by.items():
                assert sum(days[key].values()) == sum(points.values()) and len(points) <= 1, (name, first, key)
                n_sums += len(points)
            hours = series(plant, name, first, last, "hour", by)
            for key, points in ((key, points) for key, points in hours.items() if points):  # of bills there are none
                assert sum(points.values()) == sum(days[key].values()), (name, first, key)
                n_sums += len(points)
        indicators = ask(plant, f"/institutions/{name}/kpis?year={year}&period=month&number={month}")["rows"][0]
        for (carrier, _), points in of_month.items():
            if carrier in CARRIERS:
                assert value(indicators, CARRIERS[carrier]) == sum(points.values()), (name, carrier)
    assert n_sums > 100


@pytest.mark.parametrize("interval, since", [("month", 1012), ("day", 1760), ("year", 1)])
def test_centuries_before_the_first_reading_cost_nothing(plant, interval, since):
    for by in ("item", "building", "meter"):
        began = time.monotonic()
        long = series(plant, plant.names[0], f"{since:04}-01-01", f"{YEAR + 1}-01-01", interval, by)
        assert time.monotonic() - began < 3, by  # 12 s where each month was looked at
        assert long == series(plant, plant.names[0], f"{YEAR - 2}-01-01", f"{YEAR + 1}-01-01", interval, by)
        assert any(long.values())


def test_items_add_up_to_what_reached_the_loads(plant):
    n_known = 0
    for name in plant.names:
        items = series(plant, name, f"{YEAR}-01-01", f"{YEAR + 1}-01-01", "month", "item")
        for month in range(1, 13):
            start = f"{YEAR}-{month:02}-01T00:00:00+08:00"
            of = {item: points[start] for (carrier, item), points in items.items() if carrier == "electricity" and start in points}
            if "rest" in of:
                parts = sum((of[item] for item in of if item[:2] == "01"), ZERO)
                assert of["total"] + of.get("generation", ZERO) - of.get("export", ZERO) == parts + of["rest"], (name, month)
                n_known += 1
    assert n_known >= 24


def coefficients():
    """{carrier: kgce per unit} as the shipped file has them."""
    file = yaml.load((ROOT / "config" / "factors" / "coal.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return {one["carrier"]: Decimal(one["value"]) if "value" in one else Decimal(one["per_kg"]) * Decimal(one["density"])
            for one in file["factors"]}


def rounded(number):
    return number.quantize(Decimal("0.000001"), decimal.ROUND_HALF_UP)


def test_energy_is_its_carriers_times_the_standard_coefficients(plant):
    """GB/T 2589-2020, taken from the shipped file by a second hand; month by month, as the documents say."""
    coal = coefficients()
    for name in plant.names:
        months = series(plant, name, f"{YEAR}-01-01", f"{YEAR + 1}-01-01", "month")
        whole = ZERO
        for month in range(1, 13):
            start = f"{YEAR}-{month:02}-01T00:00:00+08:00"
            whole += sum((rounded(points.get(start, ZERO) * coal[carrier]) for (carrier, _), points in months.items() if carrier in coal), ZERO)
        row = ask(plant, f"/institutions/{name}/kpis?year={YEAR}")["rows"][0]
        assert value(row, "total_energy_kgce") == whole, name


def test_quotients_are_those_of_the_sums(plant):
    twelve = decimal.Context(prec=12, rounding=decimal.ROUND_HALF_EVEN)  # digits that an indicator has
    for period in ("year", "month&number=7"):
        question = f"/regions/{REGION}/kpis?year={YEAR}&period={period}"
        rows = ask(plant, f"{question}&by=institution")["rows"]
        area = {name: ask(plant, f"/institutions/{name}")["area_m2"] for name in plant.names}
        for row in rows:
            assert value(row, "electricity_per_area_kwh") == \
                twelve.divide(value(row, "electricity_kwh"), area[row["key"]["institution"]]), row["key"]
        group = ask(plant, question)["rows"][0]
        assert value(group, "electricity_per_area_kwh") == twelve.divide(value(group, "electricity_kwh"), sum(area.values()))
