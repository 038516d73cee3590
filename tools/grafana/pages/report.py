# SPDX-License-Identifier: Apache-2.0
"""月报: one table of all institutions of a region for a month, to print or take away as CSV."""
from indicator import INDICATORS
from make import (COMPLETE, PERCENT_CHANGE, REGION, SUBTREE, WITHIN, Row, Text, chosen, dashboard, figure,
                  link_to, note, override, select, table, target)

NAME, ID = Text("名称", "Name"), Text("机构编号", "Institution")
COVERAGE, CHANGE = Text("数据完整率", "Coverage"), Text("综合能耗同比", "Change")
# The month that the shown time begins in; its point stands at its first moment.
MONTH = "time >= ${__from}ms AND time < ${__from}ms + 27d"
COLUMNS = ["total_energy_kgce", "energy_per_area_kgce", "energy_per_capita_kgce",
           "electricity_kwh", "water_m3", "co2_kg"]


def listing():
    fields = [(f'last("{COLUMNS[0]}")', INDICATORS[COLUMNS[0]].name), ('"name"', NAME)]
    fields += [(f'"{field}"', INDICATORS[field].name) for field in COLUMNS[1:]]
    fields += [('"total_energy_kgce_change"', CHANGE), ('"total_energy_kgce_coverage"', COVERAGE)]
    overrides = [override(INDICATORS[field].name, unit=INDICATORS[field].unit,
                          decimals=INDICATORS[field].decimals) for field in COLUMNS]
    overrides += [
        override("institution", displayName=ID,
                 links=[link_to("nenghao-institution", Text("打开此机构", "Open this institution"),
                                region="${region}", institution="${__data.fields.institution}")]),
        override(CHANGE, unit="percentunit", decimals=1, thresholds=PERCENT_CHANGE,
                 color={"mode": "thresholds"}, custom={"cellOptions": {"type": "color-text"}}),
        override(COVERAGE, unit="percentunit", decimals=1, thresholds=COMPLETE,
                 color={"mode": "thresholds"}, custom={"cellOptions": {"type": "color-text"}})]
    return table(
        Text("机构月报", "Institutions of the month"),
        Text("数据不足的指标留空；导出：面板菜单 → 检查 → 数据 → 下载 CSV。",
             "Withheld figures are blank. To export: panel menu → Inspect → Data → Download CSV."),
        (24, 18),
        [target(select(fields, "kpi_month", f"{WITHIN} AND {MONTH}", '"institution"'), table=True)],
        ["institution", NAME] + [INDICATORS[field].name for field in COLUMNS] + [CHANGE, COVERAGE],
        overrides=overrides)


def make():
    where = f'{chosen("region")} AND {MONTH}'
    return dashboard(
        "nenghao-report", Text("月报", "Monthly report"),
        Text("一个区域一个月的合计与各机构明细。", "A region's month: its sums and every institution."),
        [REGION, SUBTREE],
        [Row(Text("本月合计", "Sums of the month"),
             [figure(INDICATORS[field], (4, 6), "region_kpi_month", where)
              for field in ("total_energy_kgce", "energy_per_area_kgce", "energy_per_capita_kgce",
                        "electricity_kwh", "water_m3", "co2_kg")]),
         Row(Text("明细", "Details"),
             [note(Text("时间范围选**上个月**或任一整月；显示范围起点所在的月。统计报表以服务器导出的表为准。",
                        "Choose **last month** or any whole month; the month of the range's start is shown."),
                   (24, 2)), listing()])],
        time=("now-1M/M", "now-1M/M"), refresh="")
