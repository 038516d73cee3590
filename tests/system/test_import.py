# SPDX-License-Identifier: Apache-2.0
"""Past readings from files, as people have them."""
import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import zipfile

import pytest

from plant import Plant, meter_id
from stack import wait_until

BEGIN = 1767196800000  # 2026-01-01 00:00 local
QUARTER = 15 * 60 * 1000


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False, interval="15m")
    stack.broker_port = 1883  # never connected to
    plant.write_registry()
    plant.write_server()
    return plant


def load(plant, name, data, *words, check=True):
    path = plant.folder / name
    path.write_bytes(data)
    return plant.stack.run(plant.stack.program("server"), "import", path, *words, "-c",
                           plant.server_config, check=check)


def stored(plant):
    with sqlite3.connect(plant.folder / "ledger.db") as db:
        return db.execute("SELECT coalesce(sum(n), 0), count(DISTINCT register_id) FROM register_day"
                          ).fetchone()


def workbook(rows):
    """A workbook as small as can be, with numbers, inline texts and Excel's days."""
    lines = []
    for y, row in enumerate(rows, 1):
        cells = "".join(
            f'<c r="{"ABCDEF"[x]}{y}" t="inlineStr"><is><t>{cell}</t></is></c>' if isinstance(cell, str)
            else f'<c r="{"ABCDEF"[x]}{y}"><v>{cell!r}</v></c>' for x, cell in enumerate(row))
        lines.append(f'<row r="{y}">{cells}</row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
                      '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>')
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{rels}"><Relationship '
                      f'Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
                      "</Relationships>")
        book.writestr("xl/worksheets/sheet1.xml",
                      f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>')
    return out.getvalue()


def test_tables_as_people_have_them(plant):
    e01, w01 = meter_id("e01"), meter_id("w01")
    text = f"时间,表号,示数\n2026/1/1 0:00,{e01},100\n2026/1/1 0:15,{e01},100.5\n2026/1/1 0:15,无此表,1\n"
    done = load(plant, "a.csv", text.encode("gbk"), "--verdicts", plant.folder / "v.csv", check=False)
    assert done.returncode == 1 and ":4: unknown_meter" in done.stderr, done.stderr
    assert "2 new" in done.stdout and "lines/s" in done.stdout
    rows = list(csv.DictReader((plant.folder / "v.csv").open(newline="")))
    assert [(row["line"], row["reason"]) for row in rows] == [("4", "unknown_meter")]
    # The same readings by Excel's days, and one more.
    book = workbook([["采集时间", e01, w01], [46023.0, 100, 7.25],
                     [46023 + 1 / 96, 100.5, 7.5], [46023 + 2 / 96, 101.0, 8.0]])
    answer = json.loads(load(plant, "b.xlsx", book, "--json").stdout)
    assert (answer["added"], answer["repeated"], answer["refused"]) == (4, 2, 0), answer
    utc = f"utc_date_time,meter_id,actual_value\n2025-12-31 16:45:00,{e01},102\n"
    assert json.loads(load(plant, "c.csv", utc.encode(), "--json").stdout)["added"] == 1
    with sqlite3.connect(plant.folder / "ledger.db") as db:
        assert db.execute("SELECT count(*) FROM import_progress").fetchone() == (0,)
    assert stored(plant) == (7, 2)
    refused = load(plant, "d.csv", b"a,b\n1,2\n", check=False)
    assert refused.returncode == 1 and refused.stderr


def test_an_import_that_was_killed_goes_on(plant):
    n = 400000
    path = plant.folder / "history.lp"
    with path.open("w") as out:
        for i in range(n):
            out.write(f"reading,meter={meter_id('e01')} active_energy_import_kwh={1000 + i}.25 "
                      f"{BEGIN - (n - i) * 60000}\n")
    server = plant.stack.program("server")
    process = subprocess.Popen([str(server), "import", str(path), "-c", str(plant.server_config)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def reached():
        try:
            with sqlite3.connect(f"file:{plant.folder}/ledger.db?mode=ro", uri=True) as db:
                return db.execute("SELECT max(lines) FROM import_progress").fetchone()[0]
        except sqlite3.OperationalError:
            return None
    wait_until(lambda: reached() or process.poll() is not None, 60, "the first commit")
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = reached()
    answer = json.loads(plant.stack.run(server, "import", path, "-c", plant.server_config, "--json").stdout)
    if before is not None:  # else it was quicker than the signal
        assert answer["resumed"] == before and answer["added"] == n - before and not answer["repeated"]
    assert stored(plant) == (n, 1)
    again = json.loads(plant.stack.run(server, "import", path, "-c", plant.server_config, "--json").stdout)
    assert again["repeated"] == n and again["resumed"] == 0
