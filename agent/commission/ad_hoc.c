/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/ad_hoc.h"

#include <stdio.h>
#include <string.h>

static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text >= ' ' || *text < 0 ? *text : '?');
	}
	buf_add_char(out, '"');
}

/* Splits off what stands behind the last colon. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon[1] == '\0')
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* HOST:PORT, or HOST alone. */
static bool add_tcp(struct buf *out, char *text)
{
	char *port = strchr(text, ':') != NULL ? cut_last(text) : NULL;

	buf_add_text(out, "tcp: {host: ");
	add_quoted(out, text);
	if (port != NULL)
		buf_printf(out, ", port: %s", port);
	buf_add_text(out, "}");
	return *text != '\0' && (port == NULL || strspn(port, "0123456789") == strlen(port));
}

static bool is_digits(const char *text)
{
	return *text != '\0' && strlen(text) <= 7 && strspn(text, "0123456789") == strlen(text);
}

static bool is_mode(const char *text)
{
	return strlen(text) == 3 && text[0] == '8' && strchr("NEO", text[1]) != NULL &&
	       strchr("12", text[2]) != NULL;
}

/* 9600:8N1, 9600 or 8N1. */
bool ad_hoc_write_serial(char *text, struct buf *out)
{
	char *mode = strchr(text, ':') != NULL ? cut_last(text) : NULL;

	if (mode == NULL && is_mode(text)) {
		buf_printf(out, "parity: %c, stop_bits: %c", text[1], text[2]);
		return true;
	}
	if (!is_digits(text) || (mode != NULL && !is_mode(mode)))
		return false;
	buf_printf(out, "baud: %s", text);
	if (mode != NULL)
		buf_printf(out, ", parity: %c, stop_bits: %c", mode[1], mode[2]);
	return true;
}

/* DEV:9600:8N1, or DEV:9600, or DEV alone; a name in /dev/serial/by-path has colons as well. */
static bool add_rtu(struct buf *out, char *text)
{
	char *mode = strrchr(text, ':'), *baud = NULL;
	bool is_good = true;

	if (mode != NULL && is_mode(mode + 1)) {
		*mode = '\0';
		baud = cut_last(text);
		is_good = baud != NULL && is_digits(baud);
	} else if (mode != NULL && is_digits(mode + 1)) {
		*mode = '\0';
		baud = mode + 1;
		mode = NULL;
	} else {
		is_good = mode == NULL || text[0] == '/';
		mode = NULL;
	}
	buf_add_text(out, "rtu: {device: ");
	add_quoted(out, text);
	if (baud != NULL)
		buf_printf(out, ", baud: %s", baud);
	if (mode != NULL)
		buf_printf(out, ", parity: %c, stop_bits: %c", mode[2], mode[3]);
	buf_add_text(out, "}");
	return is_good && *text != '\0';
}

static bool add_number(struct buf *out, const struct cli *cli, const char *name)
{
	const char *value = cli_value(cli, name);

	if (value == NULL)
		return true;
	if (*value == '\0' || strlen(value) > 5 || strspn(value, "0123456789") != strlen(value))
		return false;
	buf_printf(out, ", %s: %s", name, value);
	return true;
}

static bool add_meter(struct buf *out, const struct cli *cli)
{
	bool is_good;

	if (cli_value(cli, "unit") == NULL || cli_value(cli, "profile") == NULL)
		return false;
	buf_printf(out, "\n  meters:\n  - {id: unit-%.5s", cli_value(cli, "unit"));
	is_good = add_number(out, cli, "unit") && add_number(out, cli, "channel") &&
		  add_number(out, cli, "base");
	buf_add_text(out, ", profile: ");
	add_quoted(out, cli_value(cli, "profile"));
	buf_add_text(out, "}");
	return is_good;
}

bool ad_hoc_is_wanted(const struct cli *cli)
{
	return cli_value(cli, "tcp") != NULL || cli_value(cli, "rtu") != NULL;
}

bool ad_hoc_write(const struct cli *cli, bool has_meter, struct buf *out)
{
	const char *tcp = cli_value(cli, "tcp"), *rtu = cli_value(cli, "rtu");
	const char *folder = cli_value(cli, "profiles");
	char line[512];
	bool is_good;

	if ((tcp != NULL) == (rtu != NULL) || cli->n_arguments > 0)
		return false;
	buf_add_text(out, "agent: {id: x, region: x}\nmqtt: {url: \"tcp://localhost\"}\n");
	if (folder != NULL) {
		buf_add_text(out, "profiles: [");
		add_quoted(out, folder);
		buf_add_text(out, "]\n");
	}
	(void)snprintf(line, sizeof line, "%s", tcp != NULL ? tcp : rtu);
	buf_add_text(out, "buses:\n- name: x\n  ");
	is_good = tcp != NULL ? add_tcp(out, line) : add_rtu(out, line);
	if (has_meter)
		is_good = add_meter(out, cli) && is_good;
	buf_add_char(out, '\n');
	return is_good;
}
