/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"

enum {
	BACKLOG = 128,
	SILENCE_DECICHARS = 35, /* 3.5 characters between frames */
	REQUEST_CHARS = 8,
};

void port_init(struct port *port, const struct campus_bus *config)
{
	*port = (struct port){.config = config, .listen_fd = -1};
	port->pty.master_fd = port->pty.slave_fd = -1;
}

static int fail(struct err *err, const struct campus_bus *config, const char *what)
{
	int code = -errno;

	return err_set(err, code, "bus '%s': %s: %s", config->name, what, err_name(code));
}

static int open_listener(struct port *port, struct err *err)
{
	const struct campus_tcp *tcp =
		port->config->link == CAMPUS_TCP ? &port->config->tcp : &port->config->rtu_over_tcp;
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)tcp->port)};
	socklen_t len = sizeof address;
	int yes = 1;

	if (inet_pton(AF_INET, tcp->listen, &address.sin_addr) != 1)
		return err_set(err, -EINVAL, "bus '%s': '%s' is no IPv4 address",
			       port->config->name, tcp->listen);
	port->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->listen_fd < 0)
		return fail(err, port->config, "cannot make a socket");
	/* Without it a port stays taken for a minute after the last run. */
	(void)setsockopt(port->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(port->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(port->listen_fd, BACKLOG) != 0 ||
	    getsockname(port->listen_fd, (struct sockaddr *)&address, &len) != 0)
		return fail(err, port->config, "cannot listen");
	port->tcp_port = ntohs(address.sin_port);
	return 0;
}

int port_open(struct port *port, const char *folder, struct err *err)
{
	const struct campus_rtu *rtu = &port->config->rtu;
	char *link;
	int code;

	if (port->config->link != CAMPUS_RTU)
		return open_listener(port, err);
	link = *rtu->device == '/' ? xstrdup(rtu->device) : xasprintf("%s/%s", folder, rtu->device);
	code = pty_open(&port->pty, link, rtu->baud, err);
	free(link);
	return code != 0 ? err_prefix(err, code, "bus '%s'", port->config->name) : 0;
}

void port_close(struct port *port)
{
	pty_close(&port->pty);
	if (port->listen_fd >= 0)
		(void)close(port->listen_fd);
	port->listen_fd = -1;
}

int port_fd(const struct port *port)
{
	return port->listen_fd >= 0 ? port->listen_fd : port->pty.master_fd;
}

bool port_is_same(const struct port *port, const struct campus_bus *config)
{
	const struct campus_bus *a = port->config;

	if (strcmp(a->name, config->name) != 0 || a->link != config->link)
		return false;
	if (a->link == CAMPUS_RTU)
		return strcmp(a->rtu.device, config->rtu.device) == 0;
	return a->tcp.port == config->tcp.port && a->rtu_over_tcp.port == config->rtu_over_tcp.port;
}

int64_t port_line_us(const struct port *port, size_t len)
{
	const struct campus_bus *config = port->config;
	int64_t bits = 9 + config->rtu.stop_bits + (config->rtu.parity != 0 ? 1 : 0);
	int64_t decichars = 10 * (int64_t)(REQUEST_CHARS + len) + SILENCE_DECICHARS;

	if (config->link != CAMPUS_RTU || !config->rtu.is_paced)
		return 0;
	return decichars * bits * 100000 / config->rtu.baud;
}

bool port_is_wrong_baud(struct port *port)
{
	int64_t baud;

	if (port->config->link != CAMPUS_RTU || !port->config->rtu.is_strict)
		return false;
	baud = pty_baud(&port->pty);
	if (baud == 0 || baud == port->config->rtu.baud) {
		port->is_told = false;
		return false;
	}
	if (!port->is_told)
		log_warn("port",
			 "bus '%s' runs at %d baud and is silent to a master that speaks %d",
			 port->config->name, (int)port->config->rtu.baud, (int)baud);
	port->is_told = true;
	return true;
}

void port_where(const struct port *port, struct json_writer *json)
{
	const struct campus_bus *config = port->config;
	static const char *const kinds[] = {
		[CAMPUS_RTU] = "rtu",
		[CAMPUS_TCP] = "tcp",
		[CAMPUS_RTU_OVER_TCP] = "rtu_over_tcp",
	};

	json_begin_object(json, NULL);
	json_add_string(json, "name", config->name);
	json_add_string(json, "kind", kinds[config->link]);
	if (config->link == CAMPUS_RTU) {
		json_add_string(json, "device", port->pty.device);
		json_add_string(json, "link", port->pty.link);
		json_add_int(json, "baud", config->rtu.baud);
	} else {
		json_add_string(json, "host",
				config->link == CAMPUS_TCP ? config->tcp.listen
							   : config->rtu_over_tcp.listen);
		json_add_int(json, "port", port->tcp_port);
	}
	json_end_object(json);
}
