# SPDX-License-Identifier: Apache-2.0
"""区域总览: how a region does this year, month by month, and who needs attention."""
from goal import on_target, targets_used
from indicator import HEADLINE, INDICATORS
from make import (COMPLETE, LAST_YEAR, NEWEST_YEAR, PERCENT_CHANGE, REDUCE_LAST, REGION, STEP, SUBTREE, WITHIN, Row, Text,
                  LEGEND_TABLE, STACKED, chart, chosen, dashboard, figure, link_to, override, panel, select, table, target)
from words import carriers_with_units, kind, severity, type_of_institution

THIS, LAST = Text("本年", "this year"), Text("上年同月", "same month last year")
NAME, ID = Text("名称", "Name"), Text("机构编号", "Institution")
CHANGE, COVERAGE = Text("同比", "Change"), Text("数据完整率", "Coverage")
TO_REGION = link_to("nenghao-region", Text("打开此区域", "Open this region"),
                    region="${__data.fields.region}")
TO_INSTITUTION = link_to("nenghao-institution", Text("打开此机构", "Open this institution"),
                         region="${region}", institution="${__data.fields.institution}")


def months(field, width=12):
    one = INDICATORS[field]
    return chart(
        Text(f"{one.name.zh}：逐月与上年", f"{one.name.en} by month and last year"),
        Text(f"{one.meaning.zh} 虚线为上年同月；数据不足的月份不显示。",
             f"{one.meaning.en} Dashed: the same month last year. Months with too little data are absent."),
        (width, 8),
        [target(select([(f'"{field}"', THIS)], "region_kpi_month",
                       chosen("region") + " AND $timeFilter"), alias=THIS),
         target(select([(f'"{field}_previous"', LAST)], "region_kpi_month",
                       chosen("region") + " AND $timeFilter"), alias=LAST)],
        unit=one.unit, decimals=one.decimals, min=0,
        overrides=[override(LAST, colour=LAST_YEAR, custom=STEP)])


def savings():
    """Each measure once: one inside of another is not counted again."""
    return chart(
        Text("节能量：逐月", "Saved by month"),
        Text("各机构申报并予以认定的节能措施之和，每项只计一次；与接口和网页的地区节能量一致。明细见「节能量」看板。",
             "Of certifiable measures of the institutions, each counted once; the dashboard of savings has the details."),
        (24, 8),
        [target(select([('sum("value")', None)], "savings_month", f'{WITHIN} AND "counted" = 1 AND $timeFilter',
                       "time(1d), \"carrier\" fill(none) tz('${zone}')"), alias="$tag_carrier")],
        unit="none", decimals=0, custom=STACKED, options=LEGEND_TABLE,
        overrides=carriers_with_units([link_to("nenghao-savings", Text("各项措施", "Measures"), region="${region}")]))


def reporting():
    share = Text("上报率", "Reporting")
    return panel(
        "stat", share,
        Text("本年综合能耗数据足够的机构占全部机构的比例。",
             "Institutions whose total energy of the year is complete enough, of all."), (3, 6),
        [target(select([('last("reporting") / last("institutions")', share)], "region_kpi_year",
                       f'{chosen("region")} AND {NEWEST_YEAR}'), table=True)],
        unit="percentunit", decimals=1, thresholds=COMPLETE,
        options={"reduceOptions": REDUCE_LAST,
                 "textMode": "value", "colorMode": "value", "graphMode": "none",
                 "justifyMode": "auto", "orientation": "auto"})


def children():
    energy = INDICATORS["total_energy_kgce"]
    area = INDICATORS["energy_per_area_kgce"]
    person = INDICATORS["energy_per_capita_kgce"]
    count, reporting_count = Text("机构数", "Institutions"), Text("已上报", "Reporting")
    columns = ["region", NAME, count, reporting_count, energy.name, CHANGE, area.name, person.name,
               COVERAGE]
    return table(
        Text("下级区域", "Regions below"),
        Text("下级区域本年累计；点区域代码进入。各列之和与上级一致（本级机构另计）。",
             "The regions below, this year so far; click a code to open it."), (24, 8),
        [target(select([('last("total_energy_kgce")', energy.name), ('"name"', NAME),
                        ('"institutions"', count), ('"reporting"', reporting_count),
                        ('"total_energy_kgce_change"', CHANGE),
                        ('"energy_per_area_kgce"', area.name),
                        ('"energy_per_capita_kgce"', person.name),
                        ('"total_energy_kgce_coverage"', COVERAGE)],
                       "region_kpi_year", f'"parent" =~ /^${{region:regex}}$/ AND {NEWEST_YEAR}',
                       '"region"'), table=True)],
        columns,
        overrides=[override("region", displayName=Text("区域代码", "Code"), links=[TO_REGION]),
                   override(energy.name, unit=energy.unit, decimals=0),
                   override(area.name, unit=area.unit, decimals=2),
                   override(person.name, unit=person.unit, decimals=1),
                   override(CHANGE, unit="percentunit", decimals=1, thresholds=PERCENT_CHANGE,
                            color={"mode": "thresholds"},
                            custom={"cellOptions": {"type": "color-text"}}),
                   override(COVERAGE, unit="percentunit", decimals=1, thresholds=COMPLETE,
                            color={"mode": "thresholds"},
                            custom={"cellOptions": {"type": "color-text"}})])


def ranking():
    area = INDICATORS["energy_per_area_kgce"]
    person = INDICATORS["energy_per_capita_kgce"]
    columns = ["institution", NAME, area.name, person.name, CHANGE, COVERAGE, "type"]
    return table(
        Text("机构排名：单位建筑面积能耗", "Institutions by energy per area"),
        Text("本年累计，由高到低；数据不足的机构不参与排名。点机构编号进入。",
             "This year so far, highest first; withheld figures do not rank. Click a code to open it."),
        (14, 11),
        [target(select([('last("energy_per_area_kgce")', area.name), ('"name"', NAME),
                        ('"energy_per_capita_kgce"', person.name),
                        ('"energy_per_area_kgce_change"', CHANGE),
                        ('"energy_per_area_kgce_coverage"', COVERAGE)],
                       "kpi_year", f"{WITHIN} AND {NEWEST_YEAR}", '"institution", "type"'),
                table=True)],
        columns,
        transformations=[{"id": "sortBy", "options": {"fields": {}, "sort": [
            {"field": area.name, "desc": True}]}}],
        overrides=[override("institution", displayName=ID, links=[TO_INSTITUTION]),
                   type_of_institution(),
                   override(area.name, unit=area.unit, decimals=2, min=0,
                            custom={"cellOptions": {"type": "gauge", "mode": "basic"}}),
                   override(person.name, unit=person.unit, decimals=1),
                   override(CHANGE, unit="percentunit", decimals=1, thresholds=PERCENT_CHANGE,
                            color={"mode": "thresholds"},
                            custom={"cellOptions": {"type": "color-text"}}),
                   override(COVERAGE, unit="percentunit", decimals=1)])


def place():
    area = INDICATORS["energy_per_area_kgce"]
    return panel(
        "geomap", Text("机构分布", "Map"),
        Text("按单位建筑面积能耗的同比着色：绿降、黄升、红升 5% 以上；坐标为 WGS-84。不加载任何外部地图瓦片，底图可换成本单位有审图号的 GeoJSON。",
             "Coloured by the change of energy per area: green down, yellow up, red up by 5 % and more; WGS-84. No map tiles are loaded; your own GeoJSON may be the base."),
        (10, 11),
        [target(select([('last("energy_per_area_kgce")', area.name), ('"name"', NAME),
                        ('"energy_per_area_kgce_change"', CHANGE), ('"latitude"', None), ('"longitude"', None)],
                       "kpi_year", f"{WITHIN} AND {NEWEST_YEAR}", '"institution"'), table=True)],
        overrides=[override(area.name, unit=area.unit, decimals=2),
                   override(CHANGE, unit="percentunit", decimals=1, thresholds=PERCENT_CHANGE, color={"mode": "thresholds"})],
        transformations=[{"id": "organize", "options": {
            "indexByName": {"institution": 0, NAME: 1, area.name: 2, CHANGE: 3, "latitude": 4, "longitude": 5},
            "renameByName": {}, "excludeByName": {"Time": True}}}],
        options={"view": {"id": "fit", "lat": 36, "lon": 117, "zoom": 8, "allLayers": True,
                          "padding": 8},
                 "controls": {"showZoom": True, "mouseWheelZoom": False, "showAttribution": True,
                              "showScale": True, "showMeasure": False, "showDebug": False},
                 "tooltip": {"mode": "details"},
                 "basemap": {"type": "xyz", "name": Text("空白底图", "Blank"), "config": {"url": ""}},
                 "layers": [{"type": "markers", "name": Text("机构", "Institutions"),
                             "location": {"mode": "coords", "latitude": "latitude",
                                          "longitude": "longitude"},
                             "tooltip": True,
                             "config": {"showLegend": True, "style": {
                                 "size": {"fixed": 7, "min": 5, "max": 14},
                                 "color": {"field": CHANGE, "fixed": "dark-green"},
                                 "opacity": 0.8, "symbol": {"mode": "fixed",
                                                            "fixed": "img/icons/marker/circle.svg"},
                                 "symbolAlign": {"horizontal": "center", "vertical": "center"}}}}]})


def events():
    columns = ["Time", "institution", "kind", "severity", Text("内容", "What")]
    return table(
        Text("未结事件", "Open events"),
        Text("所示时间内开始、尚未结束的事件，最近的 100 条。",
             "Events that began in the shown time and have not ended, the newest 100."), (24, 8),
        [target(select([('"text"', Text("内容", "What"))], "event",
                       f"{WITHIN} AND \"state\" = 'open' AND $timeFilter",
                       '"institution", "kind", "severity"', "ORDER BY time DESC LIMIT 100"),
                table=True)],
        columns,
        overrides=[override("Time", displayName=Text("时间", "Time"), width=170),
                   override("institution", displayName=ID, links=[TO_INSTITUTION]),
                   kind(), severity()])


def make():
    year = f'{chosen("region")} AND {NEWEST_YEAR}'
    return dashboard(
        "nenghao-region", Text("区域总览", "Region overview"),
        Text("一个区域本年的用能、与上年比较、下级区域和机构排名。",
             "A region's energy this year, against last year, its parts and its institutions."),
        [REGION, SUBTREE],
        [Row(Text("本年累计", "This year so far"),
             [reporting()] + [figure(one, (3, 6), "region_kpi_year", year) for one in HEADLINE]),
         Row(Text("逐月", "By month"),
             [months("total_energy_kgce"), months("electricity_kwh"), months("water_m3"),
              months("co2_kg"), months("pv_generation_kwh"), months("energy_cost_yuan")]),
         Row(Text("目标", "Targets"), [targets_used("region_kpi_year", chosen("region"), 16),
                                      on_target("region_kpi_year", chosen("region"), 8)]),
         Row(Text("节能量", "Savings"), [savings()]),
         Row(Text("下级与机构", "Regions and institutions"),
             [children(), ranking(), place()]),
         Row(Text("事件", "Events"), [events()])],
        annotations=[], time=("now/y", "now"), refresh="15m")
