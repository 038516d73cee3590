/* SPDX-License-Identifier: Apache-2.0 */
/* port.h - a bus as the outside sees it: a TCP port or a pseudo-terminal. */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json_writer.h"
#include "sim/answer.h"
#include "sim/campus.h"
#include "sim/pty.h"

struct port {
	const struct campus_bus *config;
	struct bus *bus; /* the server's */
	struct pty pty;
	int listen_fd, tcp_port;
	int64_t free_us;   /* when the answers under way are out */
	bool is_told;      /* the wrong baud rate has been logged */
	uint64_t requests; /* so far: the dice of the next one */
};

void port_init(struct port *port, const struct campus_bus *config);
/* Relative paths of pseudo-terminals count from folder. */
int port_open(struct port *port, const char *folder, struct err *err);
void port_close(struct port *port);

/* The listening socket or the line. */
int port_fd(const struct port *port);
/* Could the bus go on under this configuration without being opened again? */
bool port_is_same(const struct port *port, const struct campus_bus *config);
/* What the bytes of a request and an answer of len bytes need on a paced line; else 0. */
int64_t port_line_us(const struct port *port, size_t len);
/* Does the client speak at another speed? Logs it the first time. */
bool port_is_wrong_baud(struct port *port);
void port_where(const struct port *port, struct json_writer *json);

#endif
