/* SPDX-License-Identifier: Apache-2.0 */
/* Buses whose gateway dials in: by what each is known. */
#include <arpa/inet.h>
#include <string.h>

#include "agent/config/config_internal.h"

static const struct conf_node *at(const struct agent_listen *listen, const char *key)
{
	const struct conf_node *node = conf_get(listen->node, key);

	return node != NULL ? node : listen->node;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Text as it is, or bytes as 0x48656C6C6F. */
static void read_bytes(const struct conf_node *node, const char *text, struct dial_in_bytes *out,
		       struct conf_errors *errors)
{
	size_t len = text != NULL ? strlen(text) : 0;
	bool is_hex = len > 2 && text[0] == '0' && text[1] == 'x';

	if (len == 0)
		return;
	if ((is_hex ? (len - 2) / 2 : len) > DIAL_IN_BYTES_MAX) {
		conf_error(errors, node, NULL, "must be at most %d bytes", DIAL_IN_BYTES_MAX);
		return;
	}
	if (!is_hex) {
		memcpy(out->bytes, text, len);
		out->len = len;
		return;
	}
	for (size_t i = 2; i < len; i += 2) {
		int high = digit(text[i]), low = digit(text[i + 1]);

		if (high < 0 || low < 0) {
			conf_error(errors, node, NULL,
				   "after 0x come two hexadecimal digits a byte");
			return;
		}
		out->bytes[out->len++] = (uint8_t)(high << 4 | low);
	}
}

bool agent_config_is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

void agent_config_check_listen(struct agent_bus *bus, struct conf_errors *errors)
{
	struct agent_listen *listen = &bus->listen;

	read_bytes(at(listen, "register"), listen->register_text, &listen->registration, errors);
	read_bytes(at(listen, "heartbeat"), listen->heartbeat_text, &listen->heartbeat, errors);
	if (!agent_config_is_address(listen->address))
		conf_error(errors, at(listen, "address"), NULL, "must be an IP address of ours");
	if (listen->source != NULL && !agent_config_is_address(listen->source))
		conf_error(errors, at(listen, "source"), NULL, "must be an IP address");
	if (listen->register_text == NULL && listen->source == NULL)
		conf_error(errors, listen->node, NULL,
			   "needs 'register' or 'source': by what is the gateway known?");
}

/* ---- two at one port ---- */

static bool may_overlap(const struct agent_listen *a, const struct agent_listen *b)
{
	return a->port == b->port &&
	       (a->source == NULL || b->source == NULL || strcmp(a->source, b->source) == 0);
}

static bool are_confusable(const struct agent_listen *a, const struct agent_listen *b)
{
	size_t n = a->registration.len < b->registration.len ? a->registration.len
							     : b->registration.len;

	/* Without a registration it is known by its source alone, which is looked at last. */
	if (n == 0)
		return a->registration.len == b->registration.len;
	return memcmp(a->registration.bytes, b->registration.bytes, n) == 0;
}

void agent_config_check_listeners(const struct agent_config *config, struct conf_errors *errors)
{
	const struct agent_bus *buses = config->buses.items;

	for (size_t i = 0; i < config->buses.count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct agent_listen *one = &buses[k].listen, *two = &buses[i].listen;

			if (one->node == NULL || two->node == NULL || !may_overlap(one, two))
				continue;
			if (strcmp(one->address, two->address) != 0)
				conf_error(errors, at(two, "address"), NULL,
					   "port %d is listened at by another address in line %u",
					   (int)two->port, one->node->line);
			else if (are_confusable(one, two))
				conf_error(errors, two->node, NULL,
					   "its gateway cannot be told from that of line %u: one "
					   "registration begins with the other",
					   one->node->line);
		}
}
