# SPDX-License-Identifier: Apache-2.0
"""What is held against this year's targets, of an institution or a region."""
from indicator import INDICATORS
from make import (BAD, GOOD, LAST_YEAR, NEWEST_YEAR, REDUCE_LAST, WITHIN_ONE, Text, override, panel, select, steps, target)

AGAINST = ("energy_per_area_kgce", "energy_per_capita_kgce", "water_per_capita_m3", "co2_per_area_kg")
CO2 = Text("单位面积碳排放", "CO₂ per area")


def name_of(field):
    return INDICATORS[field].name if field in INDICATORS else CO2


def targets_used(measurement, where, width=8):
    passed = Text("时间进度", "of the year")
    return panel(
        "bargauge", Text("年度目标已用比例", "Used of this year's target"),
        Text("本年累计 ÷ 年度目标；与时间进度对照。没有下达目标的不显示。",
             "This year so far ÷ what is due; beside the share of the year. Absent without a target."),
        (width, 6),
        [target(select([(f'last("{field}_used")', name_of(field)) for field in AGAINST] +
                       [('last("time_share")', passed)], measurement, f"{where} AND {NEWEST_YEAR}"),
                table=True)],
        unit="percentunit", decimals=1, min=0, max=1.5, thresholds=WITHIN_ONE,
        options={"reduceOptions": REDUCE_LAST, "displayMode": "gradient", "orientation": "horizontal",
                 "showUnfilled": True, "valueMode": "color"},
        overrides=[override(passed, colour=LAST_YEAR)])


def on_target(measurement, where, width=4):
    words = [{"type": "value", "options": {
        "0": {"index": 0, "text": Text("偏离目标", "off target")},
        "1": {"index": 1, "text": Text("符合目标", "on target")}}}]
    return panel(
        "stat", Text("目标状态", "On target"),
        Text("按去年同期进度推算全年，与年度目标比较。", "The year as projected by last year's pace, against what is due."),
        (width, 6),
        [target(select([(f'last("{field}_on_target")', name_of(field)) for field in AGAINST],
                       measurement, f"{where} AND {NEWEST_YEAR}"), table=True)],
        unit="none", mappings=words, thresholds=steps((None, BAD), (1, GOOD)),
        options={"reduceOptions": REDUCE_LAST, "textMode": "value_and_name", "colorMode": "value",
                 "graphMode": "none", "justifyMode": "auto", "orientation": "horizontal"})
