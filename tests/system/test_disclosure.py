# SPDX-License-Identifier: Apache-2.0
"""Open sums attacked by brute force: every sum that an open token is told, of every region, division, period
and indicator, as one system of equations; of no institution anything may follow.
"""
import datetime
import json
import random

import pytest

from plant import Plant
from stack import http, wait_until

YEAR = 2025
COUNTIES = ["370102", "370103"]
PERIODS = ["year", "ytd", "rolling12", "heating"] + [f"month&number={n}" for n in range(1, 13)] + \
    [f"half&number={n}" for n in (1, 2)] + [f"quarter&number={n}{alone}" for n in (1, 2, 3, 4) for alone in ("", "&cumulative=false")]
DIVISIONS = ["", "region", "type", "department", "affiliation"]
# What a unit of electricity and of gas brings into a numerator: any numbers will do that are not alike.
KPIS = {"electricity_kwh": (1, 0), "electricity_per_area_kwh": (1, 0), "total_energy_kgce": (0.1229, 1.2143),
        "energy_per_capita_kgce": (0.1229, 1.2143), "co2_kg": (0.57, 2.16), "co2_scope1_kg": (0, 2.16),
        "co2_scope2_kg": (0.57, 0)}
PRIME = 2 ** 31 - 1


def write_world(plant, rng):
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    bills, names = ["institution,carrier,from,to,quantity,unit"], []
    for county in COUNTIES:
        for number in range(1, rng.randint(5, 8) + 1):
            name = f"{county}-{number:04}"
            names.append(name)
            carriers = ["electricity"] + (["natural_gas"] if rng.random() < 0.7 else [])
            (folder / f"{name}.yaml").write_text(
                f'id: {name}\nname: "{name}"\ntype: {rng.choice(["education", "health"])}\nregion: "{county}"\n'
                f'department: {rng.choice(["文化", "卫生"])}\naffiliation: {rng.choice(["city", "county"])}\n'
                f"headcount: [{{from: 2020-01-01, persons: {rng.randint(10, 99)}}}]\n"
                f"supply: {{{', '.join(f'{c}: bill' for c in carriers)}}}\n"
                f"buildings: [{{id: main, name: 主楼, class: A, area: [{{from: 2012-06-01, m2: 1000}}]}}]\n")
            for carrier in carriers:
                late = rng.randint(1, 12) if rng.random() < 0.06 else 0
                size = rng.choice([1, 1, 1, 1, 30])
                for month in range(1, 13):
                    last = datetime.date(YEAR + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)
                    used = size * rng.randint(500, 1500) * (200 if rng.random() < 0.01 else 1)
                    if month != late:
                        unit = "kWh" if carrier == "electricity" else "m3"
                        bills.append(f"{name},{carrier},{YEAR}-{month:02}-01,{last},{used},{unit}")
    (plant.folder / "bills.csv").write_text("\n".join(bills) + "\n")
    return names


def ask(plant, token, path):
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1{path}", token=token)
    assert status in (200, 400), (path, body)
    return json.loads(body) if status == 200 else None


def months_of(period):
    """Months of [from, to); None: it cuts one, or lies in another year too."""
    first, last = (datetime.date.fromisoformat(period[key]) for key in ("from", "to"))
    if first.day != 1 or last.day != 1 or first.year != YEAR or last > datetime.date(YEAR + 1, 1, 1):
        return None
    return range(first.month, 13 if last.year > YEAR else last.month)


def holds(one, key, region):
    """Is the institution in the row of a division of the region?"""
    if region not in ("370100", one["region"]):
        return False
    name, value = next((k, v) for k, v in key.items() if k != "own")
    if name == "region":
        return value == one["region"] or (value == region and not key.get("own"))
    return one[name] == value


def equations(plant, names, told):
    """Each told sum as {(institution, month, carrier): coefficient}."""
    who = {name: ask(plant, plant.token, f"/institutions/{name}") for name in names}
    found, n_told = [], 0
    for period in PERIODS:
        truth = ask(plant, plant.token, f"/regions/370100/kpis?year={YEAR}&by=institution&period={period}")
        if truth is None:
            continue
        months = months_of(truth["period"])
        kpis = {row["key"]["institution"]: row["kpis"] for row in truth["rows"]}
        for region in ["370100"] + COUNTIES:
            for by in DIVISIONS if period in ("year", "month&number=2") else DIVISIONS[:2]:
                answer = ask(plant, told, f"/regions/{region}/kpis?year={YEAR}&period={period}" + (f"&by={by}" if by else ""))
                for row in answer["rows"]:
                    for kpi, weights in KPIS.items():
                        value = row["kpis"].get(kpi, {})
                        assert "previous" not in value and "change" not in value and "partial" not in value
                        if value.get("value") is None:
                            continue
                        n_told += 1
                        assert months is not None, (period, region, by, kpi)
                        members = [name for name in names if holds(who[name], row["key"], region) and
                                   kpis[name].get(kpi, {}).get("value") is not None]
                        assert len(members) >= 5, (period, region, by, row["key"], kpi)
                        found.append({(name, month, carrier): weights[carrier] for name in members
                                      for month in months for carrier in (0, 1) if weights[carrier]})
    return found, n_told


def independent(rows):
    """Which of these lists of whole numbers tell all that they do, modulo a prime."""
    basis, which = [], []
    for number, row in enumerate(rows):
        for pivot, other in basis:
            if row[pivot]:
                factor = row[pivot]
                row = [(a - factor * b) % PRIME for a, b in zip(row, other)]
        pivot = next((i for i, value in enumerate(row) if value), None)
        if pivot is not None:
            scale = pow(row[pivot], PRIME - 2, PRIME)
            basis.append((pivot, [value * scale % PRIME for value in row]))
            which.append(number)
    return which


def exposed(found, names):
    """Institutions of which some combination of the sums tells a figure that holds no other's."""
    rows = [dict(row) for row in {tuple(sorted(row.items())) for row in found}]
    # What stands in the same sums with the same weights is one unknown; who shares all of them is not alone.
    columns = {name: frozenset(tuple(round(row.get((name, month, carrier), 0) * 10000) for row in rows)
                               for month in range(1, 13) for carrier in (0, 1)) for name in names}
    alone = [name for name in names if list(columns.values()).count(columns[name]) == 1]

    def matrix(some):
        return [list(row) for row in zip(*sorted(set().union(*(columns[name] for name in some))))]
    needed = independent(matrix(names))
    found = []
    for name in alone:
        others = matrix([other for other in names if other != name])
        if len(independent([others[i] for i in needed])) < len(needed):
            found.append(name)
    return found


def test_the_attack_finds_what_is_open():
    """Of six that are told together, in all months and without the second one, the one that is missing."""
    names = [f"i{n}" for n in range(6)]
    year = [{(name, month, 0): 1 for name in names for month in range(1, 13)}]
    months = [{(name, month, 0): 1 for name in names} for month in range(2, 13)]
    assert exposed(year, names) == exposed(year + months, names) == []
    others = {(name, month, 0): 1 for name in names[1:] for month in range(1, 13)}
    assert exposed(year + [others], names) == ["i0"]
    late = {(name, 1, 0): 1 for name in names[1:]}
    assert exposed(year + months + [late], names) == ["i0"]
    fuel = {key: 0.1229 for key in year[0]} | {("i3", 5, 1): 1.2143}
    assert exposed(year + [fuel], names) == ["i3"]


@pytest.mark.parametrize("seed", [2])
def test_no_difference_tells_of_a_single_institution(stack, seed):
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    names = write_world(plant, random.Random(seed))
    plant.write_server()
    told = plant.add_token("open", "--region", "370100", "--grade", "L1")
    plant.token = plant.add_token("all", "--region", "370100", "--grade", "L4")
    stack.run(stack.program("server"), "import", "bills.csv", "-c", plant.server_config)
    plant.server = stack.server(plant.server_config)
    plant.wait_ready()
    path = f"/api/v1/regions/370100/kpis?year={YEAR}"
    wait_until(lambda: "computing" not in plant.get(path), 30, "computed")
    found, n_told = equations(plant, names, told)
    print(f"{n_told} sums are told")
    assert n_told > 0
    assert exposed(found, names) == []
