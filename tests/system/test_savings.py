# SPDX-License-Identifier: Apache-2.0
"""Savings through the API, against a model that is computed here once more, from days and temperatures alone."""
import csv
import datetime
import decimal
import io
import json
import math
import random

import jsonschema
import pytest

from plant import INSTITUTION, ZONE, Plant
from stack import http, wait_until

DAY = datetime.timedelta(days=1)
FIRST, BASE, MEASURE, LAST = (datetime.date(2023, 1, 1), datetime.date(2024, 1, 1), datetime.date(2024, 1, 15),
                              datetime.date(2024, 12, 1))
PATH = f"/api/v1/institutions/{INSTITUTION}/savings"
OFFICE = f"""id: {INSTITUTION}
name: 历下区档案馆
type: culture
region: "370102"
meters:
  - {{id: e01, carrier: electricity, role: main, quantity: active_energy_import_kwh, interval: 24h,
     lives: [{{serial: "1", from: 2022-01-01, ratio: 1}}]}}
"""
HEAD = f"""name: 空调改造
institution: {INSTITUTION}
baseline: {{from: {FIRST}, to: {BASE}}}
reporting: {{from: {MEASURE}, to: {LAST}}}
"""
CONTRACT = f"""contract:
  number: EMC-7
  provider: 节能公司
  periods:
    - {{from: {MEASURE}, to: 2024-06-10, price: 0.6815, share: 0.8}}
    - {{from: 2024-06-10, price: 0.7, share: 0.333333}}
"""


# ---- the world: hours of temperature, days of use ----
def days(first, last):
    while first < last:
        yield first
        first += DAY


def make_world():
    """{day: [24 temperatures]}, {day: kWh}; after the measure a fifth less."""
    dice = random.Random(5)
    hours, use = {}, {}
    for day in days(FIRST, LAST):
        middle = 13.5 + 14 * math.sin((day.timetuple().tm_yday - 110) / 365 * 2 * math.pi) + dice.gauss(0, 3)
        hours[day] = [round(middle + 4 * math.sin((hour - 8) / 24 * 2 * math.pi), 2) for hour in range(24)]
        mean = sum(hours[day]) / 24
        kwh = 640 + 21 * max(12 - mean, 0) + 34 * max(mean - 22, 0) + dice.gauss(0, 40)
        use[day] = round(kwh * (0.8 if day >= MEASURE else 1), 3)
    return hours, use


# ---- the model, independent of the server ----
def fit(rows):
    """rows: [(temperature, kWh)]; (parameters, number of degree-day terms, residuals) of the best model."""
    y = [use for _, use in rows]
    n, mean = len(y), sum(y) / len(y)
    total = sum((v - mean) ** 2 for v in y)
    cold = {b: [max(b - t, 0) for t, _ in rows] for b in range(33)}
    warm = {b: [max(t - b, 0) for t, _ in rows] for b in range(33)}
    best = (0, (mean, None, 0, None, 0))

    def centred(x):
        middle = sum(x) / n
        return middle, [v - middle for v in x]

    def is_rich(x):
        return sum(x) >= 20 / 1.8 and sum(v > 0 for v in x) >= 10

    def offer(parameters, terms):
        nonlocal best
        base, below, heating, above, cooling = parameters
        if min(base, heating, cooling) < 0:
            return
        error = sum((u - base - heating * max((below or -99) - t, 0) - cooling * max(t - (above or 99), 0)) ** 2
                    if below is not None or above is not None else 0 for t, u in rows)
        r2 = 1 - error / total * (n - 1) / (n - terms - 1)
        if r2 > best[0] + 1e-10:
            best = (r2, parameters)

    dy = [v - mean for v in y]
    spread = {}
    for kind, table in (("h", cold), ("c", warm)):
        for b, x in table.items():
            if is_rich(x):
                middle, dx = centred(x)
                spread[kind, b] = (middle, dx, sum(v * v for v in dx), sum(a * v for a, v in zip(dx, dy)))
    for (kind, b), (middle, _, xx, xy) in spread.items():
        beta = xy / xx
        offer((mean - beta * middle, b, beta, None, 0) if kind == "h" else (mean - beta * middle, None, 0, b, beta), 1)
    for above in range(33):
        for below in range(above + 1):
            if ("c", above) not in spread or ("h", below) not in spread:
                continue
            cm, dc, cc, cy = spread["c", above]
            hm, dh, hh, hy = spread["h", below]
            ch = sum(a * b for a, b in zip(dc, dh))
            det = cc * hh - ch * ch
            if det <= 1e-12 * cc * hh:
                continue
            cooling, heating = (hh * cy - ch * hy) / det, (cc * hy - ch * cy) / det
            offer((mean - cooling * cm - heating * hm, below, heating, above, cooling), 2)
    return best[1]


def predict(parameters, t):
    base, below, heating, above, cooling = parameters
    return (base + (heating * max(below - t, 0) if below is not None else 0)
            + (cooling * max(t - above, 0) if above is not None else 0))


def t_quantile(q, dof):
    """By Simpson's rule and bisection."""
    scale = math.exp(math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2)) / math.sqrt(dof * math.pi)

    def below(t, steps=2000):
        h = t / steps
        density = [scale * (1 + (i * h) ** 2 / dof) ** (-(dof + 1) / 2) for i in range(steps + 1)]
        return 0.5 + h / 3 * (density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2]))
    low, high = 0, 10
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < q else (low, middle)
    return low


def band(parameters, rows, m, counterfactual):
    """CalTRACK 4.3.2.4 with the factor of Sun and Baltazar for m days."""
    terms = sum(p is not None for p in (parameters[1], parameters[3]))
    errors = [predict(parameters, t) - use for t, use in rows]
    n = len(errors)
    a, b = errors[1:], errors[:-1]
    am, bm = sum(a) / len(a), sum(b) / len(b)
    rho = (sum((x - am) * (y - bm) for x, y in zip(a, b))
           / math.sqrt(sum((x - am) ** 2 for x in a) * sum((y - bm) ** 2 for y in b)))
    effective = n * (1 - rho) / (1 + rho)
    rmse = math.sqrt(sum(e * e for e in errors) / (n - terms))
    months = m / 30
    factor = -0.00024 * months ** 2 + 0.03535 * months + 1.00286
    return (t_quantile(0.95, n - terms) * factor * rmse / (sum(u for _, u in rows) / n)
            * math.sqrt(n / effective * (1 + 2 / effective) / m) * counterfactual)


def expect(hours, use):
    """What the answer should hold: parameters, {month: (saved, band)}, (saved, band)."""
    mean = {day: sum(row) / 24 for day, row in hours.items()}
    rows = [(mean[day], use[day]) for day in days(FIRST, BASE)]
    parameters = fit(rows)
    months = {}
    for day in days(MEASURE, LAST):
        month = months.setdefault(day.replace(day=1), [0, 0, 0])
        model = predict(parameters, mean[day])
        for i, part in enumerate((model - use[day], model, 1)):
            month[i] += part
    total = [sum(month[i] for month in months.values()) for i in range(3)]

    def with_band(parts):
        return parts[0], band(parameters, rows, parts[2], parts[1])
    return parameters, {m: with_band(parts) for m, parts in months.items()}, with_band(total)


# ---- the office ----
def write_readings(path, use, device="e01"):
    total, lines = decimal.Decimal(1000), []
    for day in days(FIRST, LAST + DAY):
        ms = int(datetime.datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)
        lines.append(f"reading,meter={device} active_energy_import_kwh={total} {ms}")
        total += decimal.Decimal(str(use.get(day, 0)))
    path.write_text("\n".join(lines) + "\n")


class Office:
    def __init__(self, stack):
        self.hours, self.use = make_world()
        self.plant = Plant(stack, tsdb=False)
        self.registry = self.plant.folder / "registry"
        for name in ("institutions", "baselines", "weather"):
            (self.registry / name).mkdir(parents=True)
        (self.registry / "institutions" / f"{INSTITUTION}.yaml").write_text(OFFICE)
        self.declare("")
        (self.registry / "weather" / "370100.csv").write_text("ts,temp_c\n" + "".join(
            f"{day}T{hour:02}:00:00+08:00,{celsius}\n" for day, row in self.hours.items()
            for hour, celsius in enumerate(row)))
        stack.mosquitto()
        self.plant.write_server()
        self.plant.token = self.plant.add_token("officer", "--region", "370100", "--grade", "L3")
        write_readings(self.plant.folder / "history.lp", self.use)
        self.run("import", self.plant.folder / "history.lp")
        self.plant.server = stack.server(self.plant.server_config)
        self.plant.wait_ready()
        wait_until(lambda: "computing" not in self.ask(), 60, "the roll-ups are done")

    def declare(self, more, name="ac"):
        (self.registry / "baselines" / f"{name}.yaml").write_text(f"id: {name}\n{HEAD}{more}")

    def reload(self, more, name="ac"):
        self.declare(more, name)
        self.plant.server.hang_up()

    def run(self, *words, check=True):
        stack = self.plant.stack
        return stack.run(stack.program("server"), *words, "-c", self.plant.server_config, check=check)

    def ask(self, query="", path=PATH, token=None, status=200):
        got, _, body = http("GET", f"http://127.0.0.1:{self.plant.http_port}{path}{query}",
                            token=token or self.plant.token)
        assert got == status, body
        return json.loads(body) if body[:1] == b"{" else body.decode()

    def one(self, query="?interval=day"):
        return self.ask(query)["baselines"][0]


@pytest.fixture
def office(stack):
    return Office(stack)


def close(a, b, relative=1e-7):
    assert abs(a - b) <= relative * max(abs(a), abs(b), 1), (a, b)


def exact(numbers):
    return sum(decimal.Decimal(str(number)) for number in numbers)


def check_against(answer, expected):
    (base, below, heating, above, cooling), months, (saved, width) = expected
    model = answer["model"]
    assert (model["heating"]["balance_point_c"], model["cooling"]["balance_point_c"]) == (below, above)
    close(model["base_per_day"], base)
    close(model["heating"]["per_degree_day"], heating)
    close(model["cooling"]["per_degree_day"], cooling)
    close(answer["savings"]["value"], saved)
    close(answer["savings"]["band"], width, 1e-5)
    assert len(answer["months"]) == len(months) == 11
    for month in answer["months"]:
        value, width = months[datetime.date.fromisoformat(month["start"])]
        close(month["value"], value, 1e-6)
        close(month["band"], width, 1e-5)


def test_savings_are_those_of_an_independent_model(office):
    answer = office.one()
    document = json.loads(http("GET", f"http://127.0.0.1:{office.plant.http_port}/api/v1/openapi.json")[2])
    jsonschema.Draft202012Validator({"$ref": "#/components/schemas/Savings",
                                     "components": document["components"]}).validate(office.ask("?interval=day"))
    expected = expect(office.hours, office.use)
    check_against(answer, expected)
    assert answer["certifiable"] and answer["savings"]["significant"] and answer["reasons"] == []
    assert answer["fit"]["quality"] == "good" and abs(answer["fit"]["nmbe"]) < 1e-6
    close(answer["savings"]["fraction"], 0.2, 0.1)
    # Days add up to months and to the whole, to the last digit.
    assert exact(day["value"] for day in answer["days"]) == exact([answer["savings"]["value"]])
    assert exact(month["value"] for month in answer["months"]) == exact([answer["savings"]["value"]])
    assert answer["savings"]["gbt28750_es"] == -answer["savings"]["value"]
    # The command line says the same.
    assert json.loads(office.run("baseline", "show", "ac", "--interval", "day", "--json").stdout) == answer
    rows = list(csv.DictReader(io.StringIO(office.ask("?format=csv"))))
    assert [float(row["value"]) for row in rows] == [month["value"] for month in answer["months"]]


def test_what_changes_is_computed_again(office):
    # Data: a day's register put right moves energy between two days of the baseline.
    other = dict(office.use)
    day = datetime.date(2023, 7, 10)
    other[day] += 300
    other[day + DAY] -= 300
    file = office.plant.folder / "late.lp"
    write_readings(file, other)
    before = office.one()["savings"]["value"]
    office.run("import", file)
    wait_until(lambda: office.one()["savings"]["value"] != before and "computing" not in office.ask(), 60,
               "the roll-ups are done")
    check_against(office.one(), expect(office.hours, other))
    # Weather: a sensor that tells the same hours as the file, through the ledger.
    office.reload("weather_meter: {meter: t01}\n")
    wait_until(lambda: not office.one()["certifiable"], 10, "the sensor is known")
    assert {reason["name"] for reason in office.one()["reasons"]} >= {"no_data"}
    lines = [f"reading,meter=t01 ambient_temp_c={celsius} "
             f"{int(datetime.datetime(d.year, d.month, d.day, hour, 5, tzinfo=ZONE).timestamp() * 1000)}"
             for d, row in office.hours.items() for hour, celsius in enumerate(row)]
    (office.plant.folder / "sensor.lp").write_text("\n".join(lines) + "\n")
    assert "0 refused" in office.run("import", office.plant.folder / "sensor.lp").stdout
    check_against(office.one(), expect(office.hours, other))
    # Adjustments: an amount over seven days, a share of the model from a day on.
    plain = {d["start"]: d for d in office.one()["days"]}
    office.reload("adjustments:\n"
                  "  - {from: 2024-06-01, to: 2024-06-08, amount: -1000, reason: 停电, evidence: 记录 3, by: 王工}\n"
                  "  - {from: 2024-09-01, share: 0.05, reason: 新增机房, evidence: 验收单 8, by: 王工}\n")
    wait_until(lambda: office.one()["adjustments"], 10, "the adjustments are known")
    answer = office.one()
    june = [d["adjustment"] for d in answer["days"] if d["start"][:7] == "2024-06"]
    assert exact(june) == -1000
    for d in answer["days"]:
        if d["start"] >= "2024-09-01":
            close(d["adjustment"], 0.05 * plain[d["start"]]["adjusted_baseline"], 1e-6)
    assert exact(d["value"] for d in answer["days"]) == exact([answer["savings"]["value"]])
    assert answer["adjustments"][1]["evidence"] == "验收单 8"


def test_the_account_of_a_contract_adds_up(office):
    office.reload(CONTRACT)
    wait_until(lambda: office.ask(path=f"{PATH}/account")["accounts"], 10, "the contract is known")
    account = office.ask(path=f"{PATH}/account")["accounts"][0]
    saved = {}
    for day in office.one()["days"]:
        saved[day["start"]] = decimal.Decimal(str(day["value"]))
    cent = decimal.Decimal("0.01")
    assert len(account["rows"]) == 12  # June is two
    for row in account["rows"]:
        amount = sum(v for start, v in saved.items() if row["from"] <= start < row["to"])
        assert amount == decimal.Decimal(str(row["saved"]))
        late = row["from"] >= "2024-06-10"
        price, share = ("0.7", "0.333333") if late else ("0.6815", "0.8")
        value = (amount * decimal.Decimal(price)).quantize(cent, decimal.ROUND_HALF_UP)
        provider = (value * decimal.Decimal(share)).quantize(cent, decimal.ROUND_HALF_UP)
        assert [decimal.Decimal(str(row[k])) for k in ("value_yuan", "provider_yuan", "own_yuan")] == \
            [value, provider, value - provider], row
    for key in ("saved", "value_yuan", "provider_yuan", "own_yuan"):
        assert exact(row[key] for row in account["rows"]) == exact([account["total"][key]]), key
    assert exact([account["total"]["saved"]]) == exact([office.one()["savings"]["value"]])
    table = list(csv.DictReader(io.StringIO(office.ask("?format=csv", f"{PATH}/account"))))
    assert table == list(csv.DictReader(io.StringIO(office.run("baseline", "account", "ac", "--format", "csv").stdout)))
    assert float(table[-1]["provider_yuan"]) == account["total"]["provider_yuan"]
    # Savings are of grade L2, money of L3.
    reader = office.plant.add_token("reader", "--region", "370100", "--grade", "L2")
    assert office.ask(token=reader)["baselines"]
    office.ask(path=f"{PATH}/account", token=reader, status=403)


def test_what_does_not_hold_is_refused_by_name(office):
    short = "id: short\n" + HEAD.replace(f"to: {BASE}", "to: 2023-07-01")
    (office.registry / "baselines" / "short.yaml").write_text(short)
    office.plant.server.hang_up()
    wait_until(lambda: len(office.ask()["baselines"]) == 2, 10, "the second baseline is known")
    answer = office.ask("?baseline=short")["baselines"][0]
    assert not answer["certifiable"]
    assert [reason["name"] for reason in answer["reasons"]] == ["incorrect_number_of_total_days"]
    assert "基期不是365天" in office.run("baseline", "fit", "short").stdout
    office.ask("?baseline=nobody", status=404)
    office.ask("?interval=week", status=400)
    missing = office.run("baseline", "show", "nobody", check=False)
    assert missing.returncode == 1 and "baseline list" in missing.stderr
    # Weather that ends within the baseline is told before anything is computed.
    weather = office.registry / "weather" / "370100.csv"
    whole = weather.read_text()
    weather.write_text(whole[:whole.index("2023-05-01")])
    assert "baseline ac: 370100 has the temperature of 120 of 365 days" in office.run("check").stdout
    weather.write_text(whole)
    # A mistake in a file is named by its place, and the server goes on with what it has.
    (office.registry / "baselines" / "short.yaml").write_text(short.replace("reporting", "repotring"))
    wrong = office.run("baseline", "list", check=False)
    assert wrong.returncode == 78 and "short.yaml:5:1: unknown key 'repotring', did you mean 'reporting'?" in wrong.stderr
    office.plant.server.hang_up()
    assert len(office.ask()["baselines"]) == 2
