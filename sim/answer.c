/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/answer.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sim/noise.h"

enum {
	EXCEPTION_FLAG = 0x80,
	GATEWAY_NO_TARGET = 11, /* a gateway's answer for a unit that it does not know */
	DRIBBLE_MS = 5,
};

/* ---- the bus ---- */

static void collect(struct bus *bus)
{
	struct campus_meter *meters = bus->config->meters.items;
	size_t counts[256] = {0};

	for (size_t i = 0; i < bus->config->meters.count; i++)
		counts[meters[i].unit & 255]++;
	for (size_t i = 0; i < bus->config->meters.count; i++) {
		size_t unit = (size_t)(meters[i].unit & 255), at = 0;

		if (bus->meters[unit] == NULL)
			bus->meters[unit] =
				(struct campus_meter **)xcalloc(counts[unit] + 1, sizeof(void *));
		while (bus->meters[unit][at] != NULL)
			at++;
		bus->meters[unit][at] = &meters[i];
	}
}

int bus_create(struct bus **out, const struct campus *campus, const struct campus_bus *config,
	       struct err *err)
{
	struct bus *bus = xcalloc(1, sizeof *bus);

	bus->campus = campus;
	bus->config = config;
	collect(bus);
	for (size_t unit = 0; unit < 256; unit++) {
		size_t n = 0;
		int code;

		while (bus->meters[unit] != NULL && bus->meters[unit][n] != NULL)
			n++;
		if (n == 0)
			continue;
		code = device_create(&bus->devices[unit], campus, bus->meters[unit], n, err);
		if (code != 0) {
			bus_destroy(bus);
			return code;
		}
	}
	*out = bus;
	return 0;
}

void bus_destroy(struct bus *bus)
{
	if (bus == NULL)
		return;
	for (size_t unit = 0; unit < 256; unit++) {
		device_destroy(bus->devices[unit]);
		free((void *)bus->meters[unit]);
	}
	free(bus);
}

/* ---- faults ---- */

const struct campus_fault *answer_fault(const struct campus_meter *meter, int64_t utc_ms,
					uint64_t dice)
{
	const struct campus_fault *faults = meter->faults.items;

	for (size_t i = 0; i < meter->faults.count; i++) {
		const struct campus_fault *fault = &faults[i];

		if (fault->kind <= FAULT_NAN && utc_ms >= fault->from_ms && utc_ms < fault->to_ms &&
		    noise_unit(dice, i) < fault->probability)
			return fault;
	}
	return NULL;
}

static const struct campus_fault *find_fault(struct campus_meter *const *meters, int64_t utc_ms,
					     uint64_t dice)
{
	const struct campus_fault *fault = NULL;

	while (*meters != NULL && fault == NULL)
		fault = answer_fault(*meters++, utc_ms, dice);
	return fault;
}

/* ---- answers ---- */

static size_t exception_pdu(uint8_t function, uint8_t code, uint8_t *pdu)
{
	pdu[0] = function | EXCEPTION_FLAG;
	pdu[1] = code;
	return 2;
}

static size_t make_pdu(const struct device *device, const struct adu_request *request,
		       int64_t utc_ms, bool is_absent, uint8_t pdu[ADU_PDU_MAX])
{
	struct device_request read = {
		.function = request->function,
		.address = request->address,
		.count = request->count,
		.utc_ms = utc_ms,
		.is_absent = is_absent,
	};
	enum modbus_exception exception = MODBUS_ILLEGAL_FUNCTION;
	size_t len = 0;

	if (request->is_read)
		exception = device_read(device, &read, pdu + 2, &len);
	if (exception != MODBUS_OK)
		return exception_pdu(request->function, (uint8_t)exception, pdu);
	pdu[0] = request->function;
	pdu[1] = (uint8_t)len;
	return len + 2;
}

static void spoil(const struct campus_fault *fault, bool is_tcp, struct answer *answer)
{
	switch ((enum fault_kind)fault->kind) {
	case FAULT_SILENCE:
		answer->len = 0;
		break;
	case FAULT_DELAY:
		answer->delay_ms = fault->delay_ms;
		break;
	case FAULT_LATE:
		answer->delay_ms = fault->delay_ms;
		answer->is_late = true;
		break;
	case FAULT_CRC:
		/* TCP has no CRC: the transaction is wrong instead, as from a mixed-up gateway. */
		answer->bytes[is_tcp ? 1 : answer->len - 1] ^= 0x55;
		break;
	case FAULT_TRUNCATE:
		answer->len -= answer->len > 5 ? 3 : 1;
		break;
	case FAULT_DRIBBLE:
		answer->gap_ms = fault->node != NULL && conf_get(fault->node, "delay") != NULL
					 ? fault->delay_ms
					 : DRIBBLE_MS;
		break;
	case FAULT_EXCEPTION: /* these three are in the frame already */
	case FAULT_UNIT:
	case FAULT_NAN:
	case FAULT_RESET:
	case FAULT_REPLACE:
	case FAULT_STUCK:
		break;
	}
}

void answer_make(const struct bus *bus, const struct adu_request *request, int64_t utc_ms,
		 uint64_t dice, struct answer *answer)
{
	const struct device *device = bus->devices[request->unit];
	const struct campus_fault *fault = NULL;
	bool is_tcp = bus->config->link == CAMPUS_TCP;
	uint8_t pdu[ADU_PDU_MAX], unit = request->unit;
	size_t len;

	*answer = (struct answer){0};
	if (device == NULL && !is_tcp)
		return;
	if (device != NULL)
		fault = find_fault(bus->meters[unit], utc_ms, dice);
	if (device == NULL)
		len = exception_pdu(request->function, GATEWAY_NO_TARGET, pdu);
	else if (fault != NULL && fault->kind == FAULT_EXCEPTION)
		len = exception_pdu(request->function, (uint8_t)fault->code, pdu);
	else
		len = make_pdu(device, request, utc_ms, fault != NULL && fault->kind == FAULT_NAN,
			       pdu);
	if (fault != NULL && fault->kind == FAULT_UNIT)
		unit = (uint8_t)(unit % 247 + 1);
	answer->len = is_tcp ? adu_build_tcp(request->transaction, unit, pdu, len, answer->bytes)
			     : adu_build_rtu(unit, pdu, len, answer->bytes);
	if (fault != NULL)
		spoil(fault, is_tcp, answer);
}
