# SPDX-License-Identifier: Apache-2.0
"""What the registry says of a region, an item, a building or a role changes: nothing stays in the
databases under what it said before, and every point is there once."""
import datetime
import json
import random
import sqlite3
import time
from urllib.parse import urlencode

import pytest
import yaml

from fake_influx import FakeInflux
from plant import INSTITUTION, Plant, PlainDates, meter_id
from stack import http, port_answers, wait_until

HOUR = 3600 * 1000
FIRST = 1771948800000  # 2026-02-25 00:00 local
HOURS = 24 * 8  # over the border of two months
ENERGY = [f"energy_{period}{kind}" for period in ("hour", "day", "month") for kind in ("", "_meter")]


@pytest.fixture
def plant(stack):
    plant = Plant(stack, start_local="2026-03-10T12:00:00", tsdb=False, interval="60m")
    plant.meters = {short: plant.meters[short] for short in ("e01", "e03", "e04", "w01")}
    return plant


def write_registry(plant, region="370102", type="culture", **meters):
    """As the plant's, with another building, region or type, and changed meters."""
    plant.write_registry(**meters)
    path = plant.folder / "registry" / "institutions" / f"{INSTITUTION}.yaml"
    institution = yaml.safe_load(path.read_text())
    institution.update(region=region, type=type)
    institution["buildings"].append({"id": "annex", "name": "副楼",
                                     "area": [{"from": "2012-06-01", "m2": 500}]})
    plain = json.loads(json.dumps(institution, default=str))
    path.write_text(yaml.dump(plain, allow_unicode=True, sort_keys=False, Dumper=PlainDates))


def write_history(plant):
    """Steady meters that do not count the same."""
    lines = []
    for i in range(HOURS + 1):
        for n, (short, row) in enumerate(plant.meters.items()):
            lines.append(f"reading,meter={meter_id(short)} {row[9]}={1000 + i * (8 - n) / 4} "
                         f"{FIRST + i * HOUR}")
    path = plant.folder / "history.lp"
    path.write_text("\n".join(lines) + "\n")
    return path


def start(plant, databases):
    plant.stack.mosquitto()
    write_registry(plant)
    plant.write_server(tsdb=databases)
    plant.stack.run(plant.stack.program("server"), "import", write_history(plant), "-c",
                    plant.server_config)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L3")
    plant.server = plant.stack.server(plant.server_config)
    plant.wait_ready()


def in_ledger(plant):
    """{(measurement, carrier, item or meter, ms): value} as the API tells."""
    rows = {}
    for period in ("hour", "day", "month"):
        for by in ("item", "meter"):
            answer = plant.get(f"/api/v1/institutions/{INSTITUTION}/energy?interval={period}&by={by}"
                               f"&from=2026-02-01&to=2026-03-10")
            for series in answer["series"]:
                key = series["key"]
                for point in series["points"]:
                    if point["value"] is not None:
                        rows[f"energy_{period}{'_meter' if by == 'meter' else ''}", key["carrier"],
                             key[by], ms_of(point["start"])] = float(point["value"])
    return rows


def ms_of(text):
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


class Influx:
    name = "influxdb1"

    def __init__(self, stack):
        self.stack = stack

    def points(self, measurement):
        """[(tags, ms, value)]"""
        found = self.stack.influx_query(f'SELECT value FROM "{measurement}" GROUP BY *')
        return [({k: v for k, v in series["tags"].items() if v}, int(row[0]), row[1])
                for series in found for row in series["values"]]

    def tags(self, name):
        """Values of a tag over all that is not as it was when it was read."""
        found = self.stack.influx_query("SHOW SERIES")
        keys = [row[0] for series in found for row in series["values"]]
        return {part.split("=")[1] for key in keys if not key.startswith("directory,")
                for part in key.split(",")[1:] if part.startswith(f"{name}=")}


class Fake:
    def __init__(self, fake):
        self.fake, self.name = fake, fake.kind

    def points(self, measurement):
        with self.fake.lock:
            return [(dict(tags), ms, float(value))
                    for (name, tags, field, ms), value in self.fake.points.items()
                    if name == measurement and field == "value"]

    def tags(self, name):
        with self.fake.lock:
            return {value for key in self.fake.points if key[0] != "directory"
                    for tag, value in key[1] if tag == name}


class Victoria:
    name = "victoriametrics"

    def __init__(self, stack):
        self.base = f"http://127.0.0.1:{stack.victoria_port}"

    def export(self, selector):
        http("GET", f"{self.base}/internal/force_flush")
        query = urlencode({"match[]": selector, "start": FIRST // 1000 - 30 * 86400})
        _, _, body = http("GET", f"{self.base}/api/v1/export?{query}")
        return [json.loads(line) for line in body.decode().splitlines()]

    def points(self, measurement):
        found = self.export(f'{{__name__="{measurement}_value"}}')
        rows = []
        for series in found:
            tags = {k: v for k, v in series["metric"].items() if k not in ("__name__", "db")}
            # the same sample may stand twice in what is exported
            rows += [(tags, ms, value)
                     for ms, value in dict(zip(series["timestamps"], series["values"])).items()]
        return rows

    def tags(self, name):
        found = self.export(f'{{__name__!~"directory_.*",{name}!=""}}')
        return {series["metric"][name] for series in found}


def difference(plant, database):
    """What is wrong: "" if every point of the ledger stands in the database once, and nothing else."""
    expected, found = in_ledger(plant), {}
    for measurement in ENERGY:
        for tags, ms, value in database.points(measurement):
            key = (measurement, tags["carrier"], tags.get("meter") or tags["item"], ms)
            if key in found:
                return f"{key} is there twice: {tags}"
            found[key] = value
    if len(expected) < len(plant.meters) * HOURS:
        return "the ledger is not there yet"
    if set(found) != set(expected):
        return f"missing {list(set(expected) - set(found))[:3]}, too many {list(set(found) - set(expected))[:3]}"
    wrong = [key for key in expected if abs(found[key] - expected[key]) > 1e-9]
    return f"other values: {wrong[:3]}" if wrong else ""


def is_settled(plant, name):
    """Nothing is left to be computed, or to be written to this database."""
    tables = ("meter_day", "meter_month", "institution_day", "institution_month", "kpi_restate",
              "series_mark")
    newest = " UNION ".join(f"SELECT max(change) FROM {table}" for table in tables)
    with sqlite3.connect(plant.folder / "ledger.db") as db:
        if db.execute("SELECT EXISTS(SELECT 1 FROM series_renew) OR EXISTS(SELECT 1 FROM "
                      "derived_dirty) OR EXISTS(SELECT 1 FROM dirty)").fetchone() != (0,):
            return False
        cursor = db.execute("SELECT cursor FROM tsdb_cursor WHERE tsdb = ?", (name,)).fetchone()
        newest = max(row[0] or 0 for row in db.execute(newest))
    return cursor is not None and cursor[0] // 2 >= newest


def assert_follows(plant, databases, gone, seconds=90):
    """gone: [(tag, value)] that no series may have any more."""
    for database in databases:
        told = [""]

        def is_well():
            if not is_settled(plant, database.name):
                told[0] = "not all is written"
                return False
            left = [(tag, value) for tag, value in gone if value in database.tags(tag)]
            told[0] = f"{left} is still there" if left else difference(plant, database)
            return told[0] == ""
        try:
            wait_until(is_well, seconds, "")
        except TimeoutError:
            pytest.fail(f"{database.name}: {told[0]}\n{plant.server.log()[-3000:]}")


def metric(plant, name):
    _, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/metrics")
    return sum(float(line.split()[-1]) for line in body.decode().splitlines()
               if line.startswith(f"nenghao_{name}{{"))


MOVED = {"region": "370103", "type": "education",
         "e03": {"item": "01C00"}, "e04": {"building": "annex", "item": "01E00"}}
OLD = [("region", "370102"), ("type", "culture"), ("item", "01B00"), ("item", "01B"),
       ("item", "01D00"), ("item", "01D")]
NEW = [("region", "370103"), ("type", "education"), ("item", "01C00"), ("item", "01C"),
       ("item", "01E00"), ("item", "01E"),       ("building", "annex")]


def both(stack):
    stack.influxdb()
    stack.victoriametrics()
    return [{"kind": "influxdb1", "url": f"http://127.0.0.1:{stack.influx_port}", "database": "nenghao"},
            {"kind": "victoriametrics", "url": f"http://127.0.0.1:{stack.victoria_port}",
             "durable_after": "1s"}], [Influx(stack), Victoria(stack)]


def test_series_follow_the_registry_there_and_back(plant, stack):
    config, databases = both(stack)
    start(plant, config)
    assert_follows(plant, databases, NEW)
    assert metric(plant, "tsdb_series_removed_total") == 0
    write_registry(plant, **MOVED)
    plant.server.hang_up()
    assert_follows(plant, databases, OLD)
    assert metric(plant, "tsdb_series_removed_total") > 0
    assert metric(plant, "tsdb_series_left_total") == 0
    wait_until(lambda: "series were removed from influxdb1" in plant.server.log(), 30, "it is told")
    write_registry(plant)
    plant.server.hang_up()
    assert_follows(plant, databases, NEW)


def test_killed_in_between_nothing_is_doubled_or_lost(plant, stack):
    """Wherever kill -9 comes: after the change, between removing and writing anew, after it."""
    config, databases = both(stack)
    start(plant, config)
    assert_follows(plant, databases, NEW)
    chance = random.Random(4)
    for i in range(6):
        write_registry(plant, **(MOVED if i % 2 == 0 else {}))
        plant.server.hang_up()
        time.sleep(chance.random() * 1.2)
        plant.server.kill()
        plant.server.start()
        plant.wait_ready()
        if i % 2 == 0:
            time.sleep(chance.random() * 0.5)
            plant.server.kill()
            plant.server.start()
            plant.wait_ready()
    write_registry(plant, **{**MOVED, "region": "370104"})
    plant.server.hang_up()
    assert_follows(plant, databases, [*OLD, ("region", "370103")])


def test_databases_that_were_away_or_died_follow_too(plant, stack):
    """Two changes while InfluxDB is away; VictoriaMetrics is killed with what it had not kept."""
    config, databases = both(stack)
    influx = next(p for p in stack.processes if p.name == "influxdb")
    victoria = next(p for p in stack.processes if p.name == "victoria-metrics")
    start(plant, config)
    assert_follows(plant, databases, NEW)
    influx.kill()
    write_registry(plant, region="370104", e03={"item": "01C00"})
    plant.server.hang_up()
    assert_follows(plant, databases[1:], OLD[:1])
    victoria.kill()
    removed = metric(plant, "tsdb_series_removed_total")
    write_registry(plant, **MOVED)
    plant.server.hang_up()
    victoria.start()
    wait_until(lambda: metric(plant, "tsdb_series_removed_total") > removed, 60, "the series are removed")
    victoria.kill()
    time.sleep(0.5)
    victoria.start()
    influx.start()
    wait_until(lambda: stack.influx_answers() and port_answers(stack.victoria_port), 30, "databases")
    assert_follows(plant, databases, [*OLD, ("region", "370104")])


def test_influxdb_2_deletes_and_of_influxdb_3_it_is_told_that_it_cannot(plant):
    places = {"influxdb2": {"org": "o", "bucket": "b"}, "influxdb3": {"db": "nenghao"}}
    secret = plant.folder / "token"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    fakes = {kind: FakeInflux(kind, "secret", place) for kind, place in places.items()}
    try:
        start(plant, [{"kind": kind, "url": fake.url, "token_file": str(secret),
                       **{"database" if k == "db" else k: v for k, v in fake.place.items()}}
                      for kind, fake in fakes.items()])
        assert_follows(plant, [Fake(fake) for fake in fakes.values()], NEW)
        write_registry(plant, **MOVED)
        plant.server.hang_up()
        assert_follows(plant, [Fake(fakes["influxdb2"])], OLD)
        wait_until(lambda: metric(plant, "tsdb_series_left_total") > 0, 60, "what is left is counted")
        assert ("region", "370102") in {tag for key in fakes["influxdb3"].points for tag in key[1]}
        wait_until(lambda: "influxdb3 keeps" in plant.server.log(), 30, "it is told")
        assert not fakes["influxdb2"].refused and not fakes["influxdb3"].refused
    finally:
        for fake in fakes.values():
            fake.close()
