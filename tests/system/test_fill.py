# SPDX-License-Identifier: Apache-2.0
"""A registry from two tables that an officer has."""
import json

import pytest

from plant import Plant

INSTITUTIONS = """机构编号,机构名称,类型,行政区划代码,统一社会信用代码,隶属,用能人数,建筑面积(m2)
370102-0001,历下区档案馆,文化,370102,12370102000000019Q,县级,312,18500
370102-0002,"第一""实验""小学",教育,370102,,县级,1200,9000.5
"""
METERS = """机构编号,表号,能源种类,分项编码,性质,计量项,采集间隔,出厂编号,启用日期,倍率,量程,公式
370102-0001,e01,电,01000,总表,active_energy_import_kwh,15m,202301,2023-01-01,200/5,1000000,
370102-0002,e11,电,01000,总表,active_energy_import_kwh,15m,202302,2023-01-01,40,,
370102-0001,e02,电,01A00,分表,active_energy_import_kwh,15m,"20 23: ""x"" ",2023-01-01,1,,
370102-0001,rest,电,01B00,分表,,,,,,,e01 - e02
"""


@pytest.fixture
def office(stack):
    plant = Plant(stack, tsdb=False)
    stack.broker_port = 1883  # never connected to
    (plant.folder / "registry").mkdir()
    plant.write_server()
    return plant


def fill(plant, institutions=INSTITUTIONS, meters=METERS, coding="gbk", check=True):
    folder = plant.folder / "registry"
    (folder / "institutions.csv").write_bytes(institutions.encode(coding))
    (folder / "meters.csv").write_bytes(meters.encode(coding))
    return run(plant, "registry", "fill", folder, "--json", check=check)


def run(plant, *words, check=True):
    return plant.stack.run(plant.stack.program("server"), *words, "-c", plant.server_config, check=check)


def test_two_tables_become_a_registry(office):
    assert json.loads(fill(office).stdout) == {"institutions": 2, "meters": 4}
    files = sorted((office.folder / "registry" / "institutions").iterdir())
    assert [file.name for file in files] == ["370102-0001.yaml", "370102-0002.yaml"]
    text = files[0].read_text()
    assert "type: culture" in text and "ratio: 200/5" in text and 'formula: "e01 - e02"' in text
    run(office, "check")
    again = fill(office, check=False)
    assert again.returncode == 1 and "there already" in again.stderr
    assert not list((office.folder / "registry").glob(".fill*"))


@pytest.mark.parametrize("old, new, part", [
    (",教育,", ",教育局,", "institutions.csv:3: type: "),
    ("019Q,县级,312", "091Q,县级,312", "institutions.csv:2: uscc: "),
    (",200/5,", ",x,", "meters.csv:2: meters[0].lives[0].ratio: "),
    ("01A00,分表,active_energy_import_kwh", "01A00,分表,active_energy", "meters.csv:4: meters[1].quantity: "),
    ("e01 - e02", "e01 - e09", "meters.csv:5: meters[2].formula: "),
    ("370102-0002,e11", "370102-0009,e11", "meters.csv:3: there is no institution '370102-0009'"),
    ("370102-0002,\"第", "../x,\"第", "institutions.csv:3: '../x' is not an id"),
    ("370102-0002,\"第", "370102-0001,\"第", "institutions.csv:3: '370102-0001' is there twice"),
    ("倍率", "倍律", "meters.csv:1: no column is called '倍律'"),
    ("性质", "name", "meters.csv:1: the column 'role' (性质) is missing"),
])
def test_a_mistake_is_named_by_its_row_and_nothing_is_written(office, old, new, part):
    done = fill(office, INSTITUTIONS.replace(old, new, 1), METERS.replace(old, new, 1), "utf-8", check=False)
    assert (done.returncode, part in done.stderr) == (1, True), done.stderr
    assert not list((office.folder / "registry").glob("institutions/*"))
    assert not list((office.folder / "registry").glob(".fill*"))
