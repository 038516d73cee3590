# SPDX-License-Identifier: Apache-2.0
"""The time-series database of an upper server has of its lower servers' institutions and regions what
the lower server's has: days, months and indicators, also after restatements and moves.
"""
import datetime
import gzip
import http.server
import re
import threading
import time
from urllib.parse import parse_qs

import yaml

from plant import ZONE, PlainDates
from stack import free_port, wait_until
from test_federation import LAST_YEAR, levels, wait_same

MEASUREMENTS = ["energy_day", "energy_month", "kpi_day", "kpi_month", "kpi_year", "region_kpi_month", "region_kpi_year"]


class Database:
    """Takes lines and deletions as InfluxDB 1 does, quickly, and can be looked into."""

    def __init__(self):
        self.series, self.lock, database = {}, threading.Lock(), self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                with database.lock:
                    status, answer = database.take(self.path, body.decode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.port = free_port()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def take(self, path, body):
        if path.startswith("/write"):
            for line in body.splitlines():
                self.write(line)
            return 204, b""
        for statement in parse_qs(body)["q"][0].split(";"):
            self.delete(statement)
        return 200, b'{"results":[{"statement_id":0}]}'

    def write(self, line):
        key, fields, stamp = re.fullmatch(r"(\S+) (.*) (\d+)", line).groups()
        point = self.series.setdefault(key, {}).setdefault(int(stamp), {})
        point.update(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)', fields))

    def delete(self, statement):
        if not statement.startswith(("DELETE", "DROP SERIES")):
            return
        measurement = re.search(r'FROM "(\w+)"', statement)[1]
        tags = {f"{name}={value}" for name, value in re.findall(r'"(\w+)"=\'([^\']*)\'', statement)}
        limits = [(sign, int(ns) // 10**6) for sign, ns in re.findall(r"time (=|>=|<) (\d+)", statement)]
        for key, points in self.series.items():
            name, *own = key.split(",")
            if name == measurement and tags <= set(own):
                for stamp in [stamp for stamp in points if all(
                        {"=": stamp == at, ">=": stamp >= at, "<": stamp < at}[sign] for sign, at in limits)]:
                    del points[stamp]

    def points(self, measurement):
        """{(series, time): fields} of the year before, of 370100 and below."""
        first = int(datetime.datetime(LAST_YEAR, 1, 1, tzinfo=ZONE).timestamp() * 1000)
        last = int(datetime.datetime(LAST_YEAR + 1, 1, 1, tzinfo=ZONE).timestamp() * 1000)
        with self.lock:
            return {(key, stamp): dict(fields) for key, points in self.series.items()
                    if key.split(",")[0] == measurement and ",region=3701" in key
                    for stamp, fields in points.items() if first <= stamp < last}


def with_database(level):
    level.database = Database()
    config = yaml.safe_load(level.config.read_text())
    config["tsdb"] = [{"kind": "influxdb1", "url": f"http://127.0.0.1:{level.database.port}", "database": "nenghao"}]
    level.config.write_text(yaml.safe_dump(config))


def points(level, measurement):
    return level.database.points(measurement)


def differences(above, below):
    lines = []
    for measurement in MEASUREMENTS:
        a, b = points(above, measurement), points(below, measurement)
        if not b:
            lines.append(f"{measurement}: nothing below")
        lines += [f"{measurement} {key}: {sorted((a.get(key) or {}).items() ^ (b.get(key) or {}).items())}"
                  if key in a and key in b else f"{measurement} {key}: only {'above' if key in a else 'below'}"
                  for key in a.keys() | b.keys() if a.get(key) != b.get(key)]
    return lines


def wait_same_series(above, below):
    deadline = time.monotonic() + 120
    while (found := differences(above, below)):
        assert time.monotonic() < deadline, f"{len(found)} points differ:\n" + "\n".join(found[:20])
        time.sleep(0.5)


def change_registry(level, name, **changes):
    path = level.folder / "registry" / "institutions" / f"{name}.yaml"
    registry = yaml.safe_load(path.read_text())
    registry.update(changes)
    path.write_text(yaml.dump(registry, allow_unicode=True, sort_keys=False, Dumper=PlainDates))
    level.server.hang_up()


def of(level, name, measurement="energy_month"):
    return {key: fields for key, fields in points(level, measurement).items() if f"institution={name}" in key[0]}


def test_upper_databases_have_what_the_lower_ones_have(stack):
    province, city = levels(stack, "370000", "370100")
    names = [city.add_rich(1), city.add(2, 12)]
    for level in province, city:
        with_database(level)
        level.start()
    wait_until(city.is_computed, 60, "computed")
    wait_same(province, city, "370100", names)
    wait_same_series(province, city)
    assert len(of(province, names[0])) > 50 and len(of(province, names[1], "kpi_day")) >= 365
    before = of(province, names[1])

    # A month that is restated, while the upper server is away.
    province.server.kill()
    (city.folder / "bills.csv").write_text("institution,carrier,from,to,quantity,unit\n"
                                           f"{names[1]},water,{LAST_YEAR}-02-01,{LAST_YEAR}-02-28,5000,m3\n")
    city.command("import", city.folder / "bills.csv")
    province.start()
    wait_until(lambda: of(province, names[1]) != before, 60, "the month is written anew")
    wait_same_series(province, city)

    # Another type, which is a tag; persons, which are none.
    change_registry(city, names[1], type="government")
    change_registry(city, names[0], headcount=[{"from": "2020-01-01", "persons": 77}])
    wait_until(lambda: all("type=government" in key[0] for key in of(city, names[1], "kpi_month")), 60,
               "another type below")
    wait_same_series(province, city)

    # One is gone: nothing of it stays.
    (city.folder / "registry" / "institutions" / f"{names[1]}.yaml").unlink()
    city.server.hang_up()
    for level in city, province:
        wait_until(lambda: not of(level, names[1]) and not of(level, names[1], "kpi_day"), 90, f"gone at {level.region}")
    wait_same_series(province, city)
