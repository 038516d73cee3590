# SPDX-License-Identifier: Apache-2.0
"""数据质量与采集: agents, buses, meters that do not answer, completeness, events."""
from make import (BAD, COMPLETE, FAIR, GOOD, LINE, REGION, SUBTREE, WITHIN, NEWEST_MONTH, Row, Text, chart,
                  dashboard, override, select, steps, table, target, variable)
from words import kind, severity

AGENT = variable("agent", Text("采集器", "Agent"),
                 'SHOW TAG VALUES FROM "agent" WITH KEY = "agent"', multi=True, everything=True)
OF = '"agent" =~ /^${agent:regex}$/ AND $timeFilter'


def agents():
    online, spool = Text("在线", "Online"), Text("待发字节", "Spool")
    waiting, dropped = Text("待发批数", "Batches waiting"), Text("丢弃批数", "Batches dropped")
    return table(
        Text("采集器", "Agents"), Text("每台采集器最近一次状态。", "The newest status of every agent."), (14, 8),
        [target(select([('last("online")', online), ('"spool_bytes"', spool),
                        ('"batches_waiting"', waiting), ('"batches_dropped"', dropped)],
                       "agent", OF, '"agent"'), table=True)],
        ["agent", "Time", online, spool, waiting, dropped],
        overrides=[override("agent", displayName=Text("采集器", "Agent")),
                   override("Time", displayName=Text("时间", "Time"), unit="dateTimeAsLocal"),
                   override(spool, unit="bytes"),
                   override(online, mappings=[{"type": "value", "options": {
                       "0": {"index": 0, "text": Text("离线", "offline"), "color": BAD},
                       "1": {"index": 1, "text": Text("在线", "online"), "color": GOOD}}}],
                            custom={"cellOptions": {"type": "color-text"}})])


def silent():
    ratio = Text("按时率", "On time")
    return table(
        Text("应答最差的表计", "Meters that answer worst"),
        Text("启动以来按时应答的比例，由低到高。", "Share answered before the next slot since the agent started, lowest first."),
        (10, 8),
        [target(select([('last("on_time_ratio")', ratio)], "meter_health", OF,
                       '"agent", "bus", "meter"'), table=True)],
        ["meter", "agent", "bus", ratio],
        transformations=[{"id": "sortBy", "options": {"fields": {}, "sort": [{"field": ratio}]}},
                         {"id": "limit", "options": {"limitField": 50}}],
        overrides=[override("meter", displayName=Text("表计", "Meter")),
                   override("agent", displayName=Text("采集器", "Agent")),
                   override("bus", displayName=Text("总线", "Bus")),
                   override(ratio, unit="percentunit", decimals=2,
                            thresholds=steps((None, BAD), (0.95, FAIR), (0.999, GOOD)),
                            color={"mode": "thresholds"},
                            custom={"cellOptions": {"type": "color-text"}})])


def over_time(title, meaning, measurement, field, unit, group, alias):
    return chart(title, meaning, (12, 8),
                 [target(select([(f'mean("{field}")', None)], measurement, OF,
                                f"time($__interval), {group} fill(none)"), alias=alias)],
                 custom=LINE, unit=unit, min=0)


def completeness():
    coverage, name = Text("数据完整率", "Coverage"), Text("名称", "Name")
    return table(
        Text("机构数据完整率（最近一月）", "Coverage of institutions, newest month"),
        Text("综合能耗的数据完整率，由低到高。", "Coverage of total energy, lowest first."), (12, 9),
        [target(select([('last("total_energy_kgce_coverage")', coverage), ('"name"', name)],
                       "kpi_month", f"{WITHIN} AND {NEWEST_MONTH}", '"institution"'), table=True)],
        ["institution", name, coverage],
        transformations=[{"id": "sortBy", "options": {"fields": {}, "sort": [{"field": coverage}]}}],
        overrides=[override("institution", displayName=Text("机构编号", "Institution")),
                   override(coverage, unit="percentunit", decimals=1, thresholds=COMPLETE,
                            color={"mode": "thresholds"}, min=0, max=1,
                            custom={"cellOptions": {"type": "gauge", "mode": "basic"}})])


def events():
    count = Text("次数", "Count")
    return table(
        Text("事件类别", "Events by kind"), Text("所示时间内各类事件数。", "Events of each kind in the shown time."),
        (12, 9),
        [target(select([('count("text")', count)], "event",
                       f"{WITHIN} AND $timeFilter", '"kind", "severity"'),
                table=True)],
        ["kind", "severity", count],
        transformations=[{"id": "sortBy", "options": {"fields": {}, "sort": [
            {"field": count, "desc": True}]}}],
        overrides=[kind(), severity()])


def open_events():
    value, text = Text("数值", "Value"), Text("说明", "Description")
    return table(
        Text("未结事件", "Open events and alarms"),
        Text("原因尚未消除的事件，最近开始的在前；确认和处理在服务器页面上。",
             "Events whose cause goes on, newest first; they are acknowledged on the server's page."),
        (24, 10),
        [target(select([('"value"', value), ('"text"', text)], "event",
                       f"{WITHIN} AND \"state\" = 'open'", '"kind", "severity", "institution", "meter"'),
                table=True)],
        ["Time", "severity", "kind", "institution", "meter", value, text],
        transformations=[{"id": "sortBy", "options": {"fields": {}, "sort": [
            {"field": "Time", "desc": True}]}}, {"id": "limit", "options": {"limitField": 200}}],
        overrides=[override("Time", displayName=Text("开始", "Since"), unit="dateTimeAsLocal"),
                   kind(), severity(),
                   override("institution", displayName=Text("机构编号", "Institution")),
                   override("meter", displayName=Text("表计", "Meter"))])


def make():
    return dashboard(
        "nenghao-collection", Text("数据质量与采集", "Data quality and collection"),
        Text("采集器、总线、表计应答与数据完整率。", "Agents, buses, answering meters and coverage."),
        [REGION, SUBTREE, AGENT],
        [Row(Text("采集器与表计", "Agents and meters"), [agents(), silent()]),
         Row(Text("总线与队列", "Buses and queues"),
             [over_time(Text("总线占用率", "Bus utilisation"),
                        Text("轮询占用总线时间的比例。", "Share of the bus's time that polling takes."), "bus",
                        "utilisation", "percentunit", '"agent", "bus"', "$tag_agent $tag_bus"),
              over_time(Text("待发数据", "Spool"),
                        Text("采集器尚未被确认的数据；断网时增长，恢复后回落。",
                             "Data not yet confirmed; grows while the line is down and falls after."),
                        "agent", "spool_bytes", "bytes", '"agent"', "$tag_agent")]),
         Row(Text("完整率与事件", "Coverage and events"), [completeness(), events()]),
         Row(Text("未结", "Open"), [open_events()])],
        time=("now-24h", "now"), refresh="1m")
