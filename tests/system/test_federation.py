# SPDX-License-Identifier: Apache-2.0
"""County, city and province: three servers, each delivering to the one above; sums equal to the last
digit, whatever is killed, restored or restated.
"""
import csv
import datetime
import io
import json
import math
import shutil
import time

import yaml

from plant import ZONE, PlainDates
from stack import ROOT, free_port, http, wait_until

LAST_YEAR = datetime.datetime.now(ZONE).year - 1
KPIS = set("""total_energy_kgce energy_per_capita_kgce energy_per_area_kgce non_heating_energy_per_area_kgce
    heating_energy_per_heated_area_kgce electricity_kwh electricity_used_kwh electricity_per_capita_kwh
    electricity_per_area_kwh water_m3 water_per_capita_m3 co2_scope1_kg co2_scope2_kg co2_kg co2_per_area_kg
    co2_per_capita_kg pv_generation_kwh pv_share base_load_share peak_demand_kw load_factor energy_cost_yuan
    submeter_residual_share pue base_load_kw base_load_cost_yuan free_day_load_kw water_cost_yuan
    water_night_flow_m3h""".split())
SUMS = ["total_energy_kgce", "electricity_kwh", "co2_kg", "water_m3"]


class Level:
    """A server of a region with its own folder, ledger and registry."""

    def __init__(self, stack, region, above=None, name=None):
        self.stack, self.region, self.above = stack, region, above
        self.name = name or region
        self.folder = stack.folder / self.name
        (self.folder / "registry" / "institutions").mkdir(parents=True)
        self.port = free_port()
        self.scheme = "http"
        config = {
            "server": {"region": region},
            "mqtt": {"url": f"tcp://127.0.0.1:{stack.broker_port}"},
            "ledger": {"path": str(self.folder / "ledger.db")}, "registry": str(self.folder / "registry"),
            "regions": str(ROOT / "config" / "regions.yaml"), "factors": str(ROOT / "config" / "factors"),
            "http": {"listen": f"127.0.0.1:{self.port}", "rate": 0}, "federation": {"interval": "1s"}}
        if above:
            token = above.add_token(f"from-{self.name}", "--role", "upstream", "--region", region, "--grade", "L2")
            (self.folder / "upstream.token").write_text(token + "\n")
            config["upstream"] = {"url": f"http://127.0.0.1:{above.port}",
                                  "token_file": str(self.folder / "upstream.token")}
        self.config = self.folder / "server.yaml"
        self.config.write_text(yaml.safe_dump(config))

    def command(self, *words):
        return self.stack.run(self.stack.program("server"), *words, "-c", self.config)

    def add_token(self, name, *options):
        return self.command("token", "add", name, *options).stdout.splitlines()[-1]

    def start(self):
        self.server = self.stack.server(self.config, name=f"server-{self.name}")
        wait_until(lambda: self.ask("/healthz")[0] == 200, 30, f"{self.region} answers")
        return self

    def ask(self, path, token=None, method="GET", body=None, headers=None):
        try:
            return http(method, f"http://127.0.0.1:{self.port}{path}", body=body,
                        token=token or getattr(self, "token", None), headers=headers)
        except OSError:
            return 0, {}, b""

    def get(self, path):
        status, _, body = self.ask(path)
        assert status == 200, (path, status, body)
        return json.loads(body, parse_float=str, parse_int=str)

    def kpis(self, region, year=LAST_YEAR, by=""):
        rows = self.get(f"/api/v1/regions/{region}/kpis?year={year}" + (f"&by={by}" if by else ""))["rows"]
        return {next(iter(row["key"].values())) + ("*" if row["key"].get("own") else ""):
                (row.get("institutions"), {name: row["kpis"].get(name, {}).get("value") for name in SUMS})
                for row in rows}

    def add_rich(self, number):
        """One that has every indicator: sub-meters, PV, a room of computers, load by the quarter of an
        hour, fuels, fees, a heated area, a quota class."""
        name = self.add(number, 12)
        path = self.folder / "registry" / "institutions" / f"{name}.yaml"
        registry = yaml.safe_load(path.read_text())
        registry |= {"type": "government", "affiliation": "county", "quota_class": "办公", "calendar": "office"}
        registry["supply"] |= {"heat": "bill", "diesel": "bill", "petrol": "bill"}
        registry["meters"][0]["interval"] = "15m"
        registry["buildings"][0]["heated_area"] = [{"from": "2012-06-01", "m2": 900}]

        def meter(short, item, role="sub", **more):
            return {"id": f"{name}-{short}", "building": "main", "carrier": "electricity", "item": item, "role": role,
                    "quantity": "active_energy_import_kwh", "interval": "24h",
                    "lives": [{"serial": "1", "from": "2023-01-01", "ratio": 1}]} | more
        registry["meters"] += [meter("light", "01A00"), meter("air", "01B00"), meter("lift", "01C00"),
                               meter("room", "01D10", form="datacentre"),
                               meter("it", "01D1A", form="datacentre", parent=f"{name}-room"),
                               meter("pv", "01000", "generation"),
                               {"id": f"{name}-w01", "building": "main", "carrier": "water", "item": "02000",
                                "role": "main", "quantity": "volume_total_m3", "interval": "24h",
                                "lives": [{"serial": "1", "from": "2023-01-01", "ratio": 1}]}]
        registry["supply"]["water"] = "online"
        path.write_text(yaml.dump(registry, allow_unicode=True, sort_keys=False, Dumper=PlainDates))
        start, lines = datetime.datetime(LAST_YEAR, 1, 1, tzinfo=ZONE), []
        steps = [15 * i for i in range(60 * 96)] + [60 * 24 * i for i in range(60, 366)]
        for minutes in steps:
            at = start + datetime.timedelta(minutes=minutes)
            hour = minutes / 60
            use = hour + 1.5 * (1 - math.cos(2 * math.pi * hour / 24))
            energy = "active_energy_import_kwh"
            for short, field, value in [("light", energy, 10 + 1.113 * use), ("air", energy, 5 + 0.317 * use),
                                        ("lift", energy, 1 + 0.071 * use), ("room", energy, 2 + 0.913 * use),
                                        ("it", energy, 1 + 0.577 * use), ("pv", energy, 3 + 0.217 * use),
                                        ("w01", "volume_total_m3", 7 + 0.0131 * use)]:
                lines.append(f"reading,meter={name}-{short} {field}={value:.4f} {int(at.timestamp() * 1000)}")
            if minutes < 60 * 24 * 60:
                value = 1000 + number * 7.013 + (hour / 12 + 2) * 11.3177 + 1 - math.cos(2 * math.pi * hour / 12)
                lines.append(f"reading,meter={name}-e01 {energy}={value:.4f} {int(at.timestamp() * 1000) + 7}")
        bills = ["institution,carrier,from,to,quantity,unit,fee,use"]
        for month in range(1, 13):
            last = (datetime.date(LAST_YEAR + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1))
            day = f"{LAST_YEAR}-{month:02}-01"
            bills.append(f"{name},diesel,{day},{last},{7.01 * month},L,{51.33 * month},vehicle")
            bills.append(f"{name},petrol,{day},{last},{3.3 * month},L,{25.5 * month},vehicle")
            bills.append(f"{name},heat,{day},{last},{100 / month:.3f},GJ,{'' if month % 2 else 777.77},")
        (self.folder / "history.lp").write_text("\n".join(lines) + "\n")
        (self.folder / "bills.csv").write_text("\n".join(bills) + "\n")
        self.command("import", self.folder / "history.lp")
        self.command("import", self.folder / "bills.csv")
        return name

    def add(self, number, months):
        """An institution of the region with bills of gas and water and readings of electricity."""
        name = f"{self.region}-{number:04}"
        registry = {
            "id": name, "name": f"机构{name}", "type": "culture", "region": self.region, "department": "文化",
            "headcount": [{"from": "2020-01-01", "persons": 100 + number}],
            "supply": {"natural_gas": "bill", "water": "bill"},
            "buildings": [{"id": "main", "name": "主楼", "class": "A",
                           "area": [{"from": "2012-06-01", "m2": 1000 + number}]}],
            "meters": [{"id": f"{name}-e01", "building": "main", "carrier": "electricity", "item": "01000",
                        "role": "main", "quantity": "active_energy_import_kwh", "interval": "24h",
                        "lives": [{"serial": "1", "from": "2023-01-01", "ratio": 3}]}]}
        (self.folder / "registry" / "institutions" / f"{name}.yaml").write_text(
            yaml.dump(registry, allow_unicode=True, sort_keys=False, Dumper=PlainDates))
        start = datetime.datetime(LAST_YEAR - 1, 12, 31, tzinfo=ZONE)
        lines = [f"reading,meter={name}-e01 active_energy_import_kwh={1000 + number * 7.013 + i * 11.3177:.4f} "
                 f"{int((start + datetime.timedelta(hours=12 * i)).timestamp() * 1000)}" for i in range(736)]
        bills = ["institution,carrier,from,to,quantity,unit"]
        for month in range(1, months + 1):
            last = (datetime.date(LAST_YEAR + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1))
            for carrier in "natural_gas", "water":
                bills.append(f"{name},{carrier},{LAST_YEAR}-{month:02}-01,{last},{31.007 * month + number},m3")
        (self.folder / "history.lp").write_text("\n".join(lines) + "\n")
        (self.folder / "bills.csv").write_text("\n".join(bills) + "\n")
        self.command("import", self.folder / "history.lp")
        self.command("import", self.folder / "bills.csv")
        return name

    def is_computed(self):
        status, _, body = self.ask(f"/api/v1/regions/{self.region}/kpis?year={LAST_YEAR}")
        return status == 200 and b"computing" not in body


def levels(stack, *regions):
    """From the top down, each started with a token that sees all below it."""
    made = []
    for region in regions:
        stack.mosquitto()  # each level has a broker of its own
        level = Level(stack, region, made[-1] if made else None)
        level.token = level.add_token("test", "--region", region, "--grade", "L3")
        made.append(level)
    return made


def same_as_below(above, below, region, names=()):
    """The upper server says of a region and of its institutions what the lower one says."""
    try:
        return (above.kpis(region) == below.kpis(region) and
                all(above.get(path) == below.get(path) for path in
                    (f"/api/v1/institutions/{name}/energy?from={LAST_YEAR}-01-01&to={LAST_YEAR + 1}-01-01"
                     "&interval=month" for name in names)))
    except AssertionError:
        return False


def wait_same(above, below, region, names=()):
    wait_until(lambda: same_as_below(above, below, region, names), 60, f"{above.region} says the same of {region}")


PERIODS = ["year", "quarter&number=1", "quarter&number=3", "half&number=2", "month&number=1", "month&number=7",
           "heating", "year&compare=period"]


def every_figure(level, region):
    """Everything that a level says of a region's indicators in a past year."""
    path = f"/api/v1/regions/{region}/"
    figures = {period: level.get(f"{path}kpis?year={LAST_YEAR}&by=institution&period={period}")["rows"]
               for period in PERIODS}
    figures |= {by: level.get(f"{path}kpis?year={LAST_YEAR}&by={by}")["rows"]
                for by in ("type", "department", "affiliation")}
    return figures | {kpi: level.get(f"{path}ranking?year={LAST_YEAR}&kpi={kpi}")["rows"]
                      for kpi in ("energy_cost_yuan", "peak_demand_kw", "base_load_share")}


def differences(a, b, at=""):
    """Where two answers differ, one a line."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [line for key in {**a, **b} for line in differences(a.get(key), b.get(key), f"{at}.{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [line for i in range(len(a)) for line in differences(a[i], b[i], f"{at}[{i}]")]
    return [] if a == b else [f"{at}: {a} is not {b}"]


def wait_every_figure(above, below, region):
    deadline = time.monotonic() + 90
    while (found := differences(every_figure(above, region), every_figure(below, region))):
        assert time.monotonic() < deadline, '\n'.join(found[:40])
        time.sleep(0.5)


def months_of(level, name):
    series = level.get(f"/api/v1/institutions/{name}/energy?from={LAST_YEAR}-01-01&to={LAST_YEAR + 1}-01-01"
                       "&interval=month&by=item")["series"]
    return {(s["key"]["carrier"], s["key"]["item"]): s["points"] for s in series if s["points"]}


def test_sums_go_up_three_levels_through_kills_restores_and_restatements(stack):
    province, city, county = levels(stack, "370000", "370100", "370102")
    names = [county.add_rich(1)] + [county.add(number, 12) for number in (2, 3)]
    own = city.add(9, 11)
    for level in province, city, county:
        level.start()
    for level in city, county:
        wait_until(level.is_computed, 60, "computed")
    wait_same(city, county, "370102", names)
    wait_same(province, city, "370100", [own] + names)
    wait_every_figure(city, county, "370102")
    wait_every_figure(province, county, "370102")
    wait_every_figure(province, city, "370100")
    row = province.get(f"/api/v1/regions/370102/kpis?year={LAST_YEAR}&by=institution&period=month&number=1")["rows"][0]
    empty = {name for name in KPIS if row["kpis"].get(name, {}).get("value") is None}
    assert row["key"]["institution"] == names[0] and not empty, empty
    year = province.get(f"/api/v1/regions/370102/kpis?year={LAST_YEAR}&by=institution")["rows"][0]
    assert set(year["quota_grade"]) | set(year["target_progress"]) >= {"energy_per_area_kgce", "water_per_capita_m3"}
    rows = province.kpis("370000", by="region")
    assert rows["370100"][0] == "4"
    assert rows["370100"] == city.kpis("370100")["370100"]
    assert province.kpis("370100", by="institution")[names[0]] == county.kpis("370102", by="institution")[names[0]]
    path, pages, cursor = f"/api/v1/regions/370000/kpis?year={LAST_YEAR}&by=institution", [], ""
    whole = province.get(path)["rows"]
    while cursor is not None:
        page = province.get(f"{path}&limit=3" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["rows"]) <= 3
        pages += page["rows"]
        cursor = page["next"]
    assert pages == whole and len(whole) == 4
    assert province.ask(f"/api/v1/regions/370000/kpis?year={LAST_YEAR}&by=type&limit=1")[0] == 400
    assert months_of(province, names[1]) == months_of(county, names[1])
    one = province.get(f"/api/v1/institutions/{names[0]}")
    assert (one["persons"], one["area_m2"], one["name"]) == ("101", "1001", f"机构{names[0]}")
    sources = province.get("/api/v1/rollups/sources")["sources"]
    assert [s["source"] for s in sources] == ["370100"] and int(sources[0]["lag_s"]) < 60
    metrics = province.ask("/metrics")[2].decode()
    assert 'nenghao_rollup_lag_seconds{source="370100"}' in metrics
    assert "nenghao_upstream_up 1" in county.ask("/metrics")[2].decode()

    # A restated month, while what is between is killed in the middle of it.
    bill = f"institution,carrier,from,to,quantity,unit\n{names[0]},natural_gas,{LAST_YEAR}-03-01,{LAST_YEAR}-03-31,999.125,m3\n"
    before = province.kpis("370000")["370000"][1]["total_energy_kgce"]
    (county.folder / "bills.csv").write_text(bill)
    city.server.kill()
    county.command("import", county.folder / "bills.csv")
    wait_until(lambda: b"upper server is not reached" in county.ask("/readyz")[2], 30, "the county tells")
    assert county.ask("/readyz")[0] == 200, json.loads(county.ask("/readyz")[2])["reasons"]
    city.start()
    time.sleep(0.5)
    county.server.kill()
    county.start()
    wait_same(city, county, "370102", names)
    wait_same(province, city, "370100", names)
    assert province.kpis("370000")["370000"][1]["total_energy_kgce"] != before

    # The county's ledger as it was before: what came since is gone everywhere, also above.
    county.command("backup", county.folder / "copy.db")
    late = f"institution,carrier,from,to,quantity,unit\n{names[1]},water,{LAST_YEAR}-05-01,{LAST_YEAR}-05-31,77777,m3\n"
    (county.folder / "bills.csv").write_text(late)
    kept = county.kpis("370102")
    county.command("import", county.folder / "bills.csv")
    wait_until(lambda: county.kpis("370102") != kept, 30, "the bill counts")
    wait_same(city, county, "370102", names)
    generation = int(city.get("/api/v1/rollups/sources")["sources"][0]["generation"])
    county.server.stop()
    county.command("restore", county.folder / "copy.db")
    county.start()
    wait_until(lambda: county.is_computed() and county.kpis("370102") == kept, 30, "as it was")
    wait_same(city, county, "370102", names)
    wait_same(province, city, "370100", names)
    assert int(city.get("/api/v1/rollups/sources")["sources"][0]["generation"]) > generation

    # A file put back by hand is found out as well.
    county.server.stop()
    for path in county.folder.glob("ledger.db*"):
        path.unlink()
    shutil.copy(county.folder / "copy.db", county.folder / "ledger.db")
    county.start()
    wait_same(city, county, "370102", names)

    # An institution that ends in the county's registry is gone above.
    (county.folder / "registry" / "institutions" / f"{names[2]}.yaml").unlink()
    county.server.hang_up()
    wait_until(lambda: county.ask(f"/api/v1/institutions/{names[2]}")[0] == 404, 20, "gone in the county")
    for level in city, province:
        wait_until(lambda: level.ask(f"/api/v1/institutions/{names[2]}")[0] == 404, 30, f"gone in {level.region}")
    wait_same(province, city, "370100", names[:2])


def changes(level, token, cursor=None, fmt="json"):
    """All rows since a cursor, and the next cursor."""
    rows = []
    while True:
        path = f"/api/v1/rollups?limit=100&format={fmt}" + (f"&cursor={cursor}" if cursor else "")
        status, headers, body = level.ask(path, token=token)
        assert status == 200, body
        if fmt == "csv":
            page = list(csv.DictReader(io.StringIO(body.decode())))
            following = headers["Link"].split("cursor=")[1].split(">")[0]
        else:
            answer = json.loads(body)
            page, following = answer["rows"], answer["next"]
        rows += page
        if following == cursor:
            return rows, cursor
        cursor = following


def test_changes_go_down_and_nonsense_is_refused(stack):
    province, city = levels(stack, "370000", "370100")
    name = city.add(1, 12)
    for level in province, city:
        level.start()
    wait_until(city.is_computed, 60, "computed")
    wait_same(province, city, "370100", [name])
    mine = province.add_token("city", "--region", "370100", "--grade", "L2")
    other = province.add_token("neighbour", "--region", "370200", "--grade", "L2")
    low = province.add_token("low", "--region", "370100", "--grade", "L1")
    wait_until(lambda: len({r["start"] for r in changes(province, mine)[0] if r["interval"] == "day" and
                            r["carrier"] == "electricity" and r["item"] == "total" and r["value"] > 0 and
                            r["start"][:4] == str(LAST_YEAR)}) >= 365, 60, "all days of the year have come")
    wait_until(lambda: changes(city, city.token)[1].split(".")[1] ==
               province.get("/api/v1/rollups/sources")["sources"][0]["upto"], 60, "nothing is on its way")
    rows, cursor = changes(province, mine)
    wanted = {(r["institution"], r["interval"], r["start"], r["carrier"]): r["value"] for r in rows
              if r["item"] == "total" and not r["deleted"]}
    assert (name, "month", f"{LAST_YEAR}-02-01", "water") in wanted
    assert (name, "day", f"{LAST_YEAR}-02-01", "electricity") in wanted
    told = {(r["institution"], r["interval"], r["start"], r["carrier"]): float(r["value"])
            for r in changes(province, mine, fmt="csv")[0] if r["item"] == "total" and r["deleted"] == "0"}
    assert told.keys() == wanted.keys() and all(abs(told[key] - wanted[key]) < 1e-6 for key in told)
    assert changes(province, other)[0] == []
    assert province.ask("/api/v1/rollups", token=low)[0] == 403
    (city.folder / "bills.csv").write_text(
        f"institution,carrier,from,to,quantity,unit\n{name},water,{LAST_YEAR}-02-01,{LAST_YEAR}-02-28,5000,m3\n")
    city.command("import", city.folder / "bills.csv")
    wait_same(province, city, "370100", [name])
    changed = wait_until(lambda: changes(province, mine, cursor)[0], 30, "the change comes down")
    assert (f"{LAST_YEAR}-02-01", "month") in {(r["start"], r["interval"]) for r in changed}
    assert {r["carrier"] for r in changed if r["start"] < f"{LAST_YEAR + 1}"} == {"water"}
    for bad in "x", "1", "1.", "1.-5", "1.2.3", "%00":
        assert province.ask(f"/api/v1/rollups?cursor={bad}", token=mine)[0] == 400, bad
    assert province.ask("/api/v1/rollups?cursor=5.1", token=mine)[0] == 410

    # Another server for the same region: it is refused by name, and seen, until the token is handed over.
    second = province.add_token("second", "--role", "upstream", "--region", "370100", "--grade", "L2")
    status, _, body = province.ask("/api/v1/rollups", second, "POST", b'{"source": "370100"}')
    assert status == 403 and "'from-370100'" in json.loads(body)["detail"]
    assert "'second'" in province.get("/api/v1/rollups/sources")["sources"][0]["refusal"]

    # What is no delivery, and what is none of theirs.
    upstream = (city.folder / "upstream.token").read_text().strip()
    head = {"source": "370100", "generation": 1, "batch": "b", "after": "", "upto": 1, "as_of": 1,
            "days_from": "2025-01-01"}
    row = {"institution": name, "version": 1, "interval": "month", "start": "2025-01-01", "carrier": "water",
           "item": "total", "value": 1, "estimated": 0, "missing": 0}
    cases = [(b"", 400, "empty"), (b"{", 400, "no JSON"), (b"[]", 400, "object"),
             (json.dumps({}).encode(), 400, "source"), (json.dumps({"source": "370200"}).encode(), 404, "370200"),
             (json.dumps({"source": "370100", "sauce": 1}).encode(), 400, "sauce"),
             (json.dumps({**head, "rows": {}}).encode(), 400, "lists"),
             (json.dumps({**head, "rows": [{**row, "value": 1.5}]}).encode(), 400, "rows[0]: value"),
             (json.dumps({**head, "rows": [{**row, "start": "2025-01-02"}]}).encode(), 400, "first day"),
             (json.dumps({**head, "rows": [row] * 2001}).encode(), 400, "2000"),
             (json.dumps(head).encode(), 409, "does not follow"), (b"[" * 100000, 400, "no JSON")]
    for body, status, words in cases:
        answer = province.ask("/api/v1/rollups", upstream, "POST", body, {"Content-Type": "application/json"})
        assert answer[0] == status and words in json.loads(answer[2])["detail"], (body[:80], answer)
    damaged = province.ask("/api/v1/rollups", upstream, "POST", b"\x1f\x8bnonsense", {"Content-Encoding": "gzip"})
    assert damaged[0] == 400
    assert province.ask("/api/v1/rollups", mine, "POST", b"{}")[0] == 403
    state = json.loads(province.ask("/api/v1/rollups", upstream, "POST", b'{"source": "370100"}')[2])
    foreign = {**head, "generation": state["generation"], "after": state["batch"], "batch": "again", "waiting": 1,
               "institutions": [{"institution": "370200-0001", "version": 10**9,
                                 "card": {"id": "370200-0001", "name": "x", "type": "culture", "region": "370200"}}]}
    for repeated in False, True:
        answer = json.loads(province.ask("/api/v1/rollups", upstream, "POST", json.dumps(foreign).encode())[2])
        assert answer["repeated"] == repeated
        assert repeated or "not below 370100" in answer["refused"][0]["reason"]
    wait_same(province, city, "370100", [name])
    assert province.ask("/api/v1/institutions/370200-0001")[0] == 404
    province.command("token", "revoke", "from-370100")
    assert province.ask("/api/v1/rollups", second, "POST", b'{"source": "370100"}')[0] == 200
