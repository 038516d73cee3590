/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/words.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *title[N_ALARM_TONGUES];
	const char *advice; /* in Chinese, for what the ledger tells in English */
} kinds[N_EVENT_KINDS] = {
	[EVENT_TWO_SERVERS] =
		{{"两台服务器服务同一区域", "two servers for one region"},
		 "两台服务器配置了同一区域，后启动的一台不接收数据。请停用其一，或修改 "
		 "mqtt.regions 后重启。"},
	[EVENT_TWO_LOWER_SERVERS] = {{"两台下级服务器上报同一区域",
				      "two lower servers for one region"},
				     "两台下级服务器上报同一区域或相互包含的区域，后来的一台被拒绝"
				     "。请停用其一；若要移交，"
				     "请在上级服务器吊销原令牌并另发新令牌。"},
	[EVENT_TWO_AGENTS] = {{"两个采集网关使用同一名称", "two agents under one name"},
			      "两个网关以同一名称上报，请停用其中一个；两者的读数都已保存。"},
	[EVENT_BATCHES_LOST] = {{"采集数据丢失", "batches lost"},
				"部分采集数据在网关上已不存在，无法补传。"},
	[EVENT_CLOCK] = {{"采集网关时钟被回拨", "clock put back"},
			 "网关时钟被回拨，其间读数按整体计入。请检查对时。"},
	[EVENT_UNEXPLAINED_DROP] = {{"读数无故下降", "unexplained drop"},
				    "表底数下降且原因不明，两次读数之间的能耗不计入。请查明原因并在"
				    "档案中补充表计的使用期。"},
	[EVENT_REPLACEMENT] = {{"换表底数未知", "replacement"},
			       "已换表但缺少换表时的底数，其间能耗缺失。请在档案中补充 first 和 "
			       "last。"},
	[EVENT_ABOVE_RATING] = {{"超过额定能力", "above rating"},
				"读数增长超过表计额定能力，不计入。请检查变比、额定值和接线。"},
	[EVENT_STUCK] = {{"读数停走", "stuck"},
			 "能读到表但底数不再增长，而过去四周一直在走。请检查表计和接线。"},
	[EVENT_ROLL_OVER] = {{"表计翻转", "roll-over"}, "表计归零翻转，能耗照常计入。"},
	[EVENT_GLITCH] = {{"个别读数异常", "glitch"}, "个别读数与前后不符，未采用；能耗照常计入。"},
	[EVENT_BALANCE] = {{"分表与总表不平", "balance"},
			   "总表与下级表相差整倍数，变比可能有误。请核对互感器变比。"},
	[EVENT_NEGATIVE_REST] = {{"分表之和大于总表", "negative rest"},
				 "下级表之和大于总表，且不是变比所致。请核对接线和上下级关系。"},
	[EVENT_METER_SILENT] = {{"计量表失联", "meter silent"}, NULL},
	[EVENT_AGENT_DOWN] = {{"采集网关离线", "agent down"}, NULL},
	[EVENT_DATABASE_DOWN] = {{"时序数据库不可用", "database down"}, NULL},
	[EVENT_BROKER_DOWN] = {{"消息服务器连接中断", "broker not connected"}, NULL},
	[EVENT_COVERAGE_LOW] = {{"数据完整率偏低", "coverage low"}, NULL},
	[EVENT_NIGHT_LOAD] = {{"夜间基荷偏高", "high load at night"}, NULL},
	[EVENT_HOLIDAY_LOAD] = {{"节假日负荷偏高", "high load on free days"}, NULL},
	[EVENT_SUDDEN_RISE] = {{"用电突增", "sudden rise"}, NULL},
	[EVENT_WATER_NIGHT_FLOW] = {{"夜间持续用水", "water all night"}, NULL},
	[EVENT_WATER_NIGHT_RISE] = {{"夜间用水突增", "more water at night"}, NULL},
	[EVENT_DEMAND] = {{"最大需量超过合同需量", "demand above contract"}, NULL},
	[EVENT_QUOTA] = {{"超过能耗定额", "quota exceeded"}, NULL},
	[EVENT_TARGET] = {{"超过节能目标", "target exceeded"}, NULL},
};

static const char *const carriers[N_CARRIERS] = {
	[CARRIER_ELECTRICITY] = "电力",   [CARRIER_WATER] = "水",
	[CARRIER_NATURAL_GAS] = "天然气", [CARRIER_HEAT] = "热力",
	[CARRIER_COOLING] = "冷量",       [CARRIER_COAL] = "煤炭",
	[CARRIER_PETROL] = "汽油",        [CARRIER_DIESEL] = "柴油",
	[CARRIER_LPG] = "液化石油气",     [CARRIER_OTHER] = "其他能源",
};

const char *alarm_kind_words(enum event_kind kind, enum alarm_tongue tongue)
{
	return kind < N_EVENT_KINDS ? kinds[kind].title[tongue] : "";
}

const char *alarm_severity_words(enum severity severity, enum alarm_tongue tongue)
{
	static const char *const words[N_SEVERITIES][N_ALARM_TONGUES] = {
		[SEVERITY_INFO] = {"提示", "info"},
		[SEVERITY_WARNING] = {"警告", "warning"},
		[SEVERITY_ERROR] = {"严重", "error"},
	};

	return words[severity][tongue];
}

void alarm_say_time(const struct alarm_context *context, int64_t utc_ms, struct buf *out)
{
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(utc_ms, context->offset_ms, time);
	time[10] = ' '; /* 2026-11-24T10:00:00+08:00 */
	buf_add(out, time, 16);
}

void alarm_say_number(double value, struct buf *out)
{
	size_t start = out->len;

	buf_printf(out, "%.2f", isfinite(value) ? value : 0);
	while (out->data[out->len - 1] == '0')
		buf_cut(out, out->len - 1);
	if (out->data[out->len - 1] == '.')
		buf_cut(out, out->len - 1);
	if (strcmp(out->data + start, "-0") == 0) {
		buf_cut(out, start);
		buf_add_char(out, '0');
	}
}

/* What stands behind the rule's name. */
static const char *rest_of_cause(const struct event *event)
{
	const char *slash = strchr(event->cause, '/');

	return slash != NULL ? slash + 1 : "";
}

static const char *subject_of(const struct event *event, enum alarm_tongue tongue)
{
	const char *rest = rest_of_cause(event);

	if (!alarm_owns_kind(event->kind))
		return alarm_kind_words(event->kind, tongue);
	if (event->kind == EVENT_METER_SILENT && event->meter[0] == '\0')
		return tongue == ALARM_ZH ? "全部计量表" : "all meters";
	if (event->kind == EVENT_METER_SILENT)
		return event->meter;
	for (int i = 0; i < N_CARRIERS && tongue == ALARM_ZH; i++)
		if (event->kind == EVENT_COVERAGE_LOW && strcmp(rest, carrier_names[i]) == 0)
			return carriers[i];
	return rest;
}

static const char *text_of(const struct event *event, enum alarm_tongue tongue)
{
	if (tongue == ALARM_ZH && event->kind < N_EVENT_KINDS && kinds[event->kind].advice != NULL)
		return kinds[event->kind].advice;
	return event->text;
}

static const char *institution_of(const struct alarm_context *context, const struct event *event)
{
	uint32_t index = registry_find_holder(context->registry, event->institution,
					      strlen(event->institution));

	return index != REGISTRY_NONE ? context->registry->institutions[index].name
				      : event->institution;
}

static const char *region_of(const struct alarm_context *context, const struct event *event)
{
	const struct region_tree *tree = context->registry->regions;
	uint32_t index = region_find(tree, event->region, strlen(event->region));

	return index != REGISTRY_NONE ? tree->regions[index].name : event->region;
}

static void percent(double share, struct buf *out)
{
	buf_printf(out, "%.0f", isfinite(share) ? 100 * share : 0);
}

void alarm_say(const struct alarm_context *context, const struct alarm_rule *rule,
	       const struct event *event, enum alarm_tongue tongue, const struct alarm_words *words,
	       struct buf *out)
{
	struct buf value = {0}, share = {0}, raise = {0}, raise_share = {0}, since = {0};
	const char *values[N_ALARM_PLACES] = {
		[PLACE_INSTITUTION] = institution_of(context, event),
		[PLACE_REGION] = event->institution[0] == '\0' ? region_of(context, event) : "",
		[PLACE_METER] = event->meter,
		[PLACE_AGENT] = event->agent,
		[PLACE_SUBJECT] = subject_of(event, tongue),
		[PLACE_TEXT] = text_of(event, tongue),
	};

	alarm_say_number(event->value, &value);
	percent(event->value, &share);
	alarm_say_number(rule->threshold.raise, &raise);
	percent(rule->threshold.raise, &raise_share);
	alarm_say_time(context, event->time_ms, &since);
	values[PLACE_VALUE] = value.data;
	values[PLACE_PERCENT] = share.data;
	values[PLACE_RAISE] = raise.data;
	values[PLACE_RAISE_PERCENT] = raise_share.data;
	values[PLACE_SINCE] = since.data;
	alarm_fill_places(tongue == ALARM_ZH ? words->zh : words->en, values, out);
	buf_fini(&value);
	buf_fini(&share);
	buf_fini(&raise);
	buf_fini(&raise_share);
	buf_fini(&since);
}

void alarm_say_whose(const struct alarm_context *context, const struct event *event,
		     enum alarm_tongue tongue, struct buf *out)
{
	bool is_zh = tongue == ALARM_ZH;

	if (event->institution[0] != '\0')
		buf_add_text(out, institution_of(context, event));
	else if (event->agent[0] != '\0')
		buf_printf(out, "%s %s", is_zh ? "采集网关" : "agent", event->agent);
	else if (event->kind == EVENT_DATABASE_DOWN)
		buf_printf(out, "%s %s", is_zh ? "数据库" : "database", rest_of_cause(event));
	else
		buf_add_text(out, is_zh ? "服务器" : "server");
	if (event->meter[0] != '\0')
		buf_printf(out, " %s", event->meter);
}
