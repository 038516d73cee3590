/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/words.h"

#include "common/phrase.h"

static const char *const words[WORD_N][2] = {
	[WORD_ONE_LINE] =
		{"On which line? Give one of --rtu DEV:9600:8N1, --tcp HOST:PORT and --bus NAME.\n",
		 "请指明线路：--rtu 设备:9600:8N1、--tcp 主机:端口、--bus 名称 三选一。\n"},
	[WORD_NO_BUS] = {"%s has no bus '%s'%s.\n", "%s 中没有总线“%s”%s。\n"},
	[WORD_NO_METER] = {"%s has no meter '%s'%s.\n", "%s 中没有仪表“%s”%s。\n"},
	[WORD_BAD_OPTION] = {"--%s '%s' is not understood. Example: --%s %s\n",
			     "无法理解 --%s “%s”。示例：--%s %s\n"},
	[WORD_USE_BUS] = {"If that is the agent: with --bus NAME and -c FILE it shares the line.\n",
			  "若是采集程序占用：用 --bus 名称 和 -c 文件 即可共用线路。\n"},
	[WORD_BY_AGENT] = {"Line %s, through the running agent, between its own readings.\n",
			   "线路 %s：经运行中的采集程序，在其抄表间隙访问。\n"},
	[WORD_DIRECT] = {"Line %s.\n", "线路 %s。\n"},
	[WORD_WAIT_DIAL] = {"Waiting for the gateway to dial in at port %d; Ctrl-C ends it.\n",
			    "等待网关（DTU）拨入端口 %d；按 Ctrl-C 结束。\n"},
	[WORD_INTERRUPTED] = {"Interrupted: what was found so far follows.\n",
			      "已中断，以下是目前的结果。\n"},
	[WORD_PROGRESS] = {"%d %%, about %s left", "%d %%，约剩 %s"},
	[WORD_SCAN_HEAD] =
		{"%lld units, %lld kinds of line settings: %s in silence, longer with answers.\n",
		 "%lld 个地址、%lld 种线路参数：全无应答时 %s，有应答则更久。\n"},
	[WORD_SCAN_ANSWERS] = {"unit %3d  %-9s answers      %s\n", "地址 %3d  %-9s 有应答    %s\n"},
	[WORD_SCAN_REFUSES] = {"unit %3d  %-9s exception %-2d %s\n",
			       "地址 %3d  %-9s 异常码 %-2d %s\n"},
	[WORD_SCAN_GARBLED] =
		{"unit %3d  %-9s GARBLED      two devices at one id? or wrong parity\n",
		 "地址 %3d  %-9s 应答混乱  两台设备同一地址？或校验位不对\n"},
	[WORD_SCAN_UNKNOWN] = {"no profile fits", "没有相符的型号文件"},
	[WORD_SCAN_MAYBE] = {"or", "或"},
	[WORD_SCAN_NONE] = {"Nobody answered. What it usually is:\n", "没有设备应答。常见原因：\n"},
	[WORD_SCAN_MESS] = {"Something answers, and nobody whole. What it usually is:\n",
			    "有应答，但没有一个完整。常见原因：\n"},
	[WORD_HINT_PROTOCOL] =
		{"  - the meter speaks DL/T 645 out of the box: switch it to Modbus in its menu\n",
		 "  - 电表出厂协议是 DL/T 645：在菜单中改为 Modbus\n"},
	[WORD_HINT_WIRES] = {"  - A and B are swapped, or the common wire is missing\n",
			     "  - A、B 线接反，或缺公共地线\n"},
	[WORD_HINT_TERMINATION] = {"  - no 120 ohm at both ends, or more than two of them\n",
				   "  - 两端未接 120 欧终端电阻，或多于两个\n"},
	[WORD_HINT_SETTINGS] =
		{"  - another baud rate or parity: --bauds 9600,2400,4800 --formats 8N1,8E1\n",
		 "  - 波特率或校验不同：--bauds 9600,2400,4800 --formats 8N1,8E1\n"},
	[WORD_HINT_UNIT] = {"  - another unit id: look in its menu, or scan --units 1-247\n",
			    "  - 地址不同：查看菜单，或 --units 1-247\n"},
	[WORD_HINT_GATEWAY] =
		{"  - the gateway's own serial settings or time-out do not fit its meters\n",
		 "  - 网关自身的串口参数或超时与仪表不符\n"},
	[WORD_SCAN_ALL_UNITS] =
		{"Every id is answered by the same model. One device that takes any? Keep one.\n",
		 "所有地址都由同一型号应答。若是一台设备接受任何地址，保留一个即可。\n"},
	[WORD_SCAN_PASTE] = {"# paste into agent.yaml; give the meters their ids of the registry\n",
			     "# 粘贴到 agent.yaml，并把 id 改为台账中的编号\n"},
	[WORD_SCAN_LINE_DOWN] = {"The line is down: %s.\n", "线路不通：%s。\n"},
	[WORD_PROBE_USAGE] =
		{"probe needs --unit N and --display 12345.67, or later --again 12350.10.\n",
		 "probe 需要 --unit 地址 和 --display 12345.67，之后用 --again 12350.10。\n"},
	[WORD_PROBE_DISPLAY] = {"'%s' is no display: digits as the meter shows them, not 0.\n",
				"“%s”不是示值：请照表上数字输入，不能是 0。\n"},
	[WORD_PROBE_SILENT] = {"Unit %d does not answer (%s). Is it there? Try: scan\n",
			       "地址 %d 无应答（%s）。设备在吗？请先用 scan\n"},
	[WORD_PROBE_READ] = {"unit %d: %zu registers read, %zu refused\n",
			     "地址 %d：读到 %zu 个寄存器，拒绝 %zu 个\n"},
	[WORD_PROBE_NONE] = {"No register shows %s.\n", "没有寄存器显示 %s。\n"},
	[WORD_PROBE_NONE_HINT] =
		{"Another range (--from, --to)? Does the display apply a CT ratio? Did it move?\n",
		 "换个范围（--from、--to）？示值是否已乘变比？示值是否已走字？\n"},
	[WORD_PROBE_HEAD] = {"  fc  address  1-based  type     words  scale       value\n",
			     "  fc  地址     从1数    类型     字序   倍率        数值\n"},
	[WORD_PROBE_MORE] = {"  ... and %zu less likely ones\n", "  ……另有 %zu 个可能性较小\n"},
	[WORD_PROBE_COARSE] = {"whole units only", "只有整数部分"},
	[WORD_PROBE_ONE] = {"Only one fits.\n", "只有一个相符。\n"},
	[WORD_PROBE_AGAIN] = {"When the display has moved on, run the same with --again and what "
			      "it shows then.\n",
			      "示值走动后，用 --again 加新示值再运行一次。\n"},
	[WORD_PROBE_PASTE] = {"# for a profile, the likeliest one\n",
			      "# 型号文件用，最可能的一个\n"},
	[WORD_PROBE_NO_STATE] = {"There is nothing to narrow: begin with --display (%s).\n",
				 "没有可缩小的结果：请先用 --display（%s）。\n"},
	[WORD_LINETEST_TARGET] = {"unit %d, %lld requests\n", "地址 %d，%lld 次请求\n"},
	[WORD_LINETEST_NOBODY] = {"Unit %d answered none of %lld requests. Try: scan\n",
				  "地址 %d 对 %lld 次请求均无应答。请先用 scan\n"},
	[WORD_LINETEST_RESULT] =
		{"  answered %lld of %lld; damaged %lld, garbled or foreign %lld, silent %lld\n",
		 "  应答 %lld / %lld；校验错 %lld，混乱或来自别的设备 %lld，无应答 %lld\n"},
	[WORD_LINETEST_TIMES] =
		{"  round trip: half within %.1f ms, 99 %% within %.1f ms, longest %.1f ms\n",
		 "  往返时间：一半在 %.1f ms 内，99 %% 在 %.1f ms 内，最长 %.1f ms\n"},
	[WORD_LINETEST_LOSSES] =
		{"  with a time-out of this many ms so many answers would be lost:\n",
		 "  超时设为以下毫秒数时丢失的应答：\n"},
	[WORD_LINETEST_RECOMMEND] =
		{"recommended: timeout: %lldms (or auto, which finds it by itself)\n",
		 "建议：timeout: %lldms（或 auto，由程序自动确定）\n"},
	[WORD_LINETEST_FEW] = {"Too few answers for a recommendation: leave timeout: auto.\n",
			       "应答太少，无法建议：保持 timeout: auto。\n"},
	[WORD_LINETEST_CRC] =
		{"Damaged answers: termination, shield, a loose screw, a drive's cable nearby.\n",
		 "有校验错：检查终端电阻、屏蔽层、端子松动、附近的变频器电缆。\n"},
	[WORD_LINETEST_MIXED] =
		{"Garbled or foreign answers: two devices at one id, or a second master.\n",
		 "应答混乱：两台设备同一地址，或线上有第二个主站。\n"},
	[WORD_LINETEST_MISSING] =
		{"Requests without answer: a weak line, a slow gateway, or a meter that rests.\n",
		 "有请求无应答：线路差、网关慢，或仪表需要间歇。\n"},
	[WORD_LINETEST_GOOD] = {"The line is good.\n", "线路良好。\n"},
	[WORD_TRACE_BEGIN] = {"frames of meter %s (unit %d), %lld s; > sent, < received\n",
			      "仪表 %s（地址 %d）的报文，%lld 秒；> 发送，< 接收\n"},
	[WORD_TRACE_LOST] = {"the agent has stopped: %s\n", "采集程序已停止：%s\n"},
	[WORD_TRACE_END] = {"%lld frames sent, %lld pieces received\n",
			    "发送 %lld 帧，接收 %lld 段\n"},
	[WORD_TRACE_SILENT] =
		{"Nothing was sent: the agent reads this meter every %lld s. Use --seconds.\n",
		 "没有发送：采集程序每 %lld 秒抄读一次。请加长 --seconds。\n"},
	[WORD_READ_HEAD] = {"meter %s at %s\n", "仪表 %s，%s\n"},
	[WORD_READ_IMPLAUSIBLE] = {"    it says %s, which is implausible and left out\n",
				   "    表上为 %s，不合理，不采用\n"},
	[WORD_READ_USAGE] = {"Which meter? METER of the configuration, or --tcp HOST:PORT or\n"
			     "--rtu DEV:9600:8N1 with --unit and --profile.\n",
			     "哪块表？配置中的仪表编号，或 --tcp 主机:端口 / --rtu 设备:9600:8N1\n"
			     "加 --unit 和 --profile。\n"},
	[WORD_READ_REGISTERS] = {"registers (function, address, contents in hexadecimal)\n",
				 "寄存器（功能码、地址、十六进制内容）\n"},
	[WORD_READ_ABSENT] = {"-", "-"},
	[WORD_READ_LIFE] =
		{"# a life for the registry: check the serial number and the first reading\n",
		 "# 台账“寿命”条目：核对表号和起始示值\n"},
	[WORD_READ_RATIO] =
		{"# ratio: CT x PT if the meter does not apply it; 1 without transformers\n",
		 "# ratio：电表未乘变比时填 CT×PT；直接接入填 1\n"},
	[WORD_READ_PRIMARY] =
		{"# ratio 1: its values are of the primary side, CT and PT are in them\n",
		 "# ratio 为 1：数值已是一次侧，已乘 CT、PT\n"},
	[WORD_READ_SECONDARY] = {"# ratio: CT x PT, its values are of the secondary side\n",
				 "# ratio：填 CT×PT，数值为二次侧\n"},
	[WORD_READ_NO_SERIAL] =
		{"# this model does not tell its serial number: read it off the plate\n",
		 "# 此型号不能读出表号：请抄铭牌\n"},
	[WORD_FINDING_REVERSED_CT] =
		{"L%d: negative power %.0f W while others are positive:\n  transformer reversed "
		 "(P1/P2 or S1/S2)?\n",
		 "L%d：功率为负（%.0f W）而其他相为正：\n  互感器接反（P1/P2 或 S1/S2）？\n"},
	[WORD_FINDING_ALL_REVERSED] =
		{"all phases negative, %.0f W: all transformers reversed, or feeding in?\n",
		 "三相功率均为负（%.0f W）：互感器全部接反，或正在上网发电？\n"},
	[WORD_FINDING_SWAPPED] =
		{"L%d and L%d: the angles say that their transformers are swapped\n",
		 "L%d 与 L%d：相角表明两相互感器互换\n"},
	[WORD_FINDING_ROTATED] =
		{"all angles are 120 degrees off: each transformer sits on the next phase\n",
		 "相角均差 120 度：各互感器都错了一相\n"},
	[WORD_FINDING_NO_VOLTAGE] = {"L%d: no voltage (%.1f V): fuse or terminal?\n",
				     "L%d：无电压（%.1f V）：熔断器或端子？\n"},
	[WORD_FINDING_LOW_VOLTAGE] = {"L%d: only %.1f V: is the neutral connected?\n",
				      "L%d：仅 %.1f V：零线接好了吗？\n"},
	[WORD_FINDING_SAME_PHASE] =
		{"L%d and L%d: no voltage between them: both at the same conductor\n",
		 "L%d 与 L%d：两相间无电压，接在同一相上\n"},
	[WORD_FINDING_SUM] = {"the phases add up to %.0f W more than the total\n",
			      "三相之和比总功率多 %.0f W\n"},
	[WORD_SPOOL_NONE] = {"There is no spool %s yet.\n", "还没有缓存 %s。\n"},
	[WORD_SPOOL_RUNNING] = {"spool %s, of the running agent\n", "缓存 %s（采集程序运行中）\n"},
	[WORD_SPOOL_ALONE] = {"spool %s; no agent is running\n", "缓存 %s（采集程序未运行）\n"},
	[WORD_SPOOL_WAITING] = {"waiting    %lld batches, the oldest from %s\n",
				"待送       %lld 批，最早 %s\n"},
	[WORD_SPOOL_DELIVERED] =
		{"delivered  %lld batches kept in case the server loses its history\n",
		 "已送达     %lld 批，保留以备服务器丢失历史\n"},
	[WORD_SPOOL_BYTES] = {"size       %.1f of %.1f MiB\n", "大小       %.1f / %.1f MiB\n"},
	[WORD_SPOOL_EPOCH] =
		{"epoch      %lld, batches %lld to %lld; the server keeps all until %s\n",
		 "纪元       %lld，批次 %lld 至 %lld；服务器已保存至 %s\n"},
	[WORD_SPOOL_GAP] =
		{"gap        %lld batches from %s to %s were dropped, not yet reported\n",
		 "缺口       %lld 批（%s 至 %s）已丢弃，尚未上报\n"},
	[WORD_SPOOL_LOST] =
		{"since start  %lld batches dropped, %lld unreadable, %lld files moved aside\n",
		 "启动以来     丢弃 %lld 批，损坏 %lld 批，移开 %lld 个文件\n"},
};

const char *words_in(enum word word, int is_chinese)
{
	return words[word][is_chinese != 0];
}

const char *words_say(enum word word)
{
	return words_in(word, phrase_is_chinese());
}
