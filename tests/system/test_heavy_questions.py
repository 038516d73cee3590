# SPDX-License-Identifier: Apache-2.0
"""Figures of many institutions, asked cold and by several at once: others do not notice."""
import concurrent.futures
import json
import time

import pytest

from plant import Plant
from stack import http, wait_until

N_INSTITUTIONS, N_TOKENS = 300, 3
YEARS = (2024, 2025)
TYPES = ("education", "health", "culture")
COUNTIES = ("370102", "370103", "370104", "370105")
FEW = "370102-0001"
LIGHT = ("/healthz", f"/api/v1/institutions/{FEW}", "/api/v1/regions/370100", "/api/v1/token",
         f"/api/v1/institutions/{FEW}/energy?interval=month&from={YEARS[0]}-01-01&to={YEARS[1]}-01-01")


def write_world(plant):
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    bills = ["institution,carrier,from,to,quantity,unit"]
    for number in range(N_INSTITUTIONS):
        county = COUNTIES[number % len(COUNTIES)]
        name = f"{county}-{number // len(COUNTIES) + 1:04}"
        (folder / f"{name}.yaml").write_text(
            f'id: {name}\nname: "{name}"\ntype: {TYPES[number % 3]}\nregion: "{county}"\n'
            f"headcount: [{{from: 2020-01-01, persons: {number % 90 + 10}}}]\n"
            "supply: {electricity: bill}\n"
            "buildings: [{id: main, name: 主楼, class: A, area: [{from: 2012-06-01, m2: 1000}]}]\n")
        bills += [f"{name},electricity,{year}-01-01,{year}-12-31,{10000 + number},kWh" for year in YEARS]
    (plant.folder / "bills.csv").write_text("\n".join(bills) + "\n")


@pytest.fixture
def city(stack):
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    write_world(plant)
    # As few threads as there can be: one that computes is one that is missed.
    plant.write_server(http={"listen": f"127.0.0.1:{plant.http_port}", "threads": 1, "workers": 1,
                             "rate": 0})
    plant.token = plant.add_token("light", "--region", "370100", "--grade", "L3")
    plant.heavy = [plant.add_token(f"heavy{n}", "--region", "370100", "--grade", "L3") for n in range(N_TOKENS)]
    stack.run(stack.program("server"), "import", "bills.csv", "-c", plant.server_config)
    plant.server = stack.server(plant.server_config)
    plant.wait_ready()
    wait_until(lambda: "computing" not in plant.get(f"/api/v1/regions/370100/kpis?year={YEARS[1]}"), 120, "computed")
    return plant


def ask(plant, path, token):
    return http("GET", f"http://127.0.0.1:{plant.http_port}{path}", token=token, timeout=120)


def questions():
    """Of every month: none is remembered, and each has its own figures to compute."""
    return [f"/api/v1/regions/370100/kpis?period=month&number={number}&year={year}"
            for number in range(1, 13) for year in YEARS]


def test_light_answers_come_while_heavy_ones_are_computed(city):
    with concurrent.futures.ThreadPoolExecutor(len(questions())) as pool:
        began = time.monotonic()
        asked = [pool.submit(ask, city, path, city.heavy[number % N_TOKENS])
                 for number, path in enumerate(questions())]
        concurrent.futures.wait(asked, return_when=concurrent.futures.FIRST_COMPLETED)
        meanwhile = 0
        while True:
            path = LIGHT[meanwhile % len(LIGHT)]
            status, _, body = ask(city, path, city.token)
            assert status == 200, (path, body)
            if all(future.done() for future in asked):
                break
            meanwhile += 1
        took = time.monotonic() - began
    answers = [future.result() for future in asked]
    print(f"{len(asked)} heavy answers in {took:.2f} s, {meanwhile} light ones meanwhile")
    assert {status for status, _, _ in answers} == {200}
    assert all(json.loads(body)["rows"] for _, _, body in answers)
    # A handful, where heavy ones are computed on the threads that serve connections; else hundreds.
    assert meanwhile >= 4 * len(LIGHT)
