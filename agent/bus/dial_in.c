/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/dial_in.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fnv.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	GUESTS_MAX = 64,     /* connections that have not registered yet */
	REGISTER_MS = 10000, /* they have so long to do so */
	REFUSED_MAX = 32,    /* who was refused is remembered, and logged once */
	WINDOW_MS = 60000,   /* of which no more than ... */
	TOLD_MAX = 10,       /* ... so many refusals are logged */
	REPEAT_MS = 60000,   /* a gateway that dials in again and again is logged so often */
	STACK_BYTES = 64 * 1024,
	BACKLOG = 16,
};

struct port {
	struct port *next;
	char *address;
	int number, fd;
	int users; /* 0: the thread closes it */
	int code;  /* why fd is -1 */
};

struct dial_in_seat {
	struct dial_in *dial_in;
	struct dial_in_seat *next;
	struct dial_in_place place; /* its texts are ours */
	char *source;
	struct port *port;
	int fd; /* handed over and not yet taken; -1: none */
	int64_t logged_ms;
};

struct guest { /* connected, not yet known */
	int fd;
	struct port *port;
	int64_t until_ms;
	char source[64];
	uint8_t bytes[DIAL_IN_BYTES_MAX];
	size_t n;
};

struct dial_in {
	pthread_t thread;
	bool is_started;
	int wake_fd;
	/* the thread's own: */
	struct guest guests[GUESTS_MAX];
	size_t n_guests;
	uint64_t refused[REFUSED_MAX]; /* digests */
	size_t n_refused;
	int64_t window_ms; /* since then n_told refusals were worth a line */
	int n_told;
	pthread_mutex_t lock; /* guards what follows */
	struct dial_in_seat *seats;
	struct port *ports;
	bool is_stopping;
};

static void wake(struct dial_in *d)
{
	uint64_t one = 1;
	ssize_t n = write(d->wake_fd, &one, sizeof one);

	(void)n; /* full means that it will wake anyway */
}

/* ---- ports ---- */

static int open_port(const char *address, int number, int *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *to;
	char service[8];
	int on = 1, fd, code = 0;

	(void)snprintf(service, sizeof service, "%d", number);
	if (getaddrinfo(address, service, &hints, &to) != 0)
		return -EADDRNOTAVAIL;
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, to->ai_addr, to->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		code = -errno;
	freeaddrinfo(to);
	if (code < 0 && fd >= 0)
		(void)close(fd); /* was never in use */
	*out = code < 0 ? -1 : fd;
	return code;
}

/* With the lock held. */
static struct port *get_port(struct dial_in *d, const char *address, int number)
{
	struct port *port = d->ports;

	while (port != NULL && (port->number != number || strcmp(port->address, address) != 0))
		port = port->next;
	if (port == NULL) {
		port = xcalloc(1, sizeof *port);
		port->address = xstrdup(address);
		port->number = number;
		port->code = open_port(address, number, &port->fd);
		port->next = d->ports;
		d->ports = port;
	}
	port->users++;
	return port;
}

static void free_port(struct port *port)
{
	if (port->fd >= 0)
		(void)close(port->fd); /* nothing was written */
	free(port->address);
	free(port);
}

/* ---- who is it? ---- */

enum dial_in_fit dial_in_fits(const struct dial_in_place *place, const char *source,
			      const uint8_t *bytes, size_t n)
{
	const struct dial_in_bytes *wanted = &place->registration;

	if (place->source != NULL && strcmp(place->source, source) != 0)
		return DIAL_IN_FITS_NOT;
	if (wanted->len == 0)
		return DIAL_IN_FITS_BY_SOURCE;
	if (memcmp(bytes, wanted->bytes, n < wanted->len ? n : wanted->len) != 0)
		return DIAL_IN_FITS_NOT;
	return n < wanted->len ? DIAL_IN_MAY_FIT : DIAL_IN_FITS;
}

/* With the lock held. The seat whose registration has come, or, when nobody may expect one of this
 * guest any more, the one that knows it by its address alone. */
static struct dial_in_seat *find_seat(struct dial_in *d, const struct guest *guest, bool is_late)
{
	struct dial_in_seat *by_source = NULL;
	bool may_register = false;

	for (struct dial_in_seat *seat = d->seats; seat != NULL; seat = seat->next) {
		enum dial_in_fit fit =
			seat->port == guest->port
				? dial_in_fits(&seat->place, guest->source, guest->bytes, guest->n)
				: DIAL_IN_FITS_NOT;

		if (fit == DIAL_IN_FITS)
			return seat;
		if (fit == DIAL_IN_FITS_BY_SOURCE)
			by_source = seat;
		may_register |= fit == DIAL_IN_MAY_FIT;
	}
	return may_register && !is_late ? NULL : by_source;
}

static void describe_bytes(const uint8_t *bytes, size_t len, struct buf *out)
{
	buf_add_char(out, '\'');
	for (size_t i = 0; i < len; i++)
		buf_add_char(out, bytes[i] >= ' ' && bytes[i] < 0x7F ? (char)bytes[i] : '.');
	buf_add_text(out, "', 0x");
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02X", bytes[i]);
}

static bool is_new_refusal(struct dial_in *d, const struct guest *guest)
{
	uint64_t digest = FNV_START ^ (uint64_t)guest->port->number;

	digest = fnv_add(digest, guest->source, strlen(guest->source));
	digest = fnv_add(digest, guest->bytes, guest->n);
	for (size_t i = 0; i < REFUSED_MAX && i < d->n_refused; i++)
		if (d->refused[i] == digest)
			return false;
	d->refused[d->n_refused++ % REFUSED_MAX] = digest;
	return true;
}

/* Whoever tries doors with ever new words does not fill the log. */
static bool is_flood(struct dial_in *d)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms - d->window_ms >= WINDOW_MS) {
		if (d->n_told > TOLD_MAX)
			log_warn("dial_in", "%d more refusals were not logged",
				 d->n_told - TOLD_MAX);
		d->window_ms = now_ms;
		d->n_told = 0;
	}
	return ++d->n_told > TOLD_MAX;
}

static void refuse(struct dial_in *d, const struct guest *guest)
{
	struct buf words = {0};

	if (is_new_refusal(d, guest) && !is_flood(d)) {
		describe_bytes(guest->bytes, guest->n, &words);
		log_warn("dial_in",
			 "a gateway from %s is refused: no bus at port %d expects its registration "
			 "(%s)",
			 guest->source, guest->port->number,
			 guest->n > 0 ? words.data : "it sent nothing");
	}
	buf_fini(&words);
	(void)close(guest->fd); /* nothing was written */
}

/* With the lock held. */
static void seat_guest(struct dial_in_seat *seat, const struct guest *guest)
{
	int64_t now_ms = clock_mono_ms();

	if (seat->fd >= 0)
		(void)close(seat->fd); /* nobody has taken it */
	seat->fd = guest->fd;
	if (seat->logged_ms == 0 || now_ms - seat->logged_ms >= REPEAT_MS) {
		log_info("dial_in", "a gateway from %s has dialled in at port %d", guest->source,
			 guest->port->number);
		seat->logged_ms = now_ms;
	}
}

/* ---- the thread ---- */

/* Behind a port for IPv6 an IPv4 address has a longer name. */
static void name_source(struct guest *guest, const struct sockaddr_storage *from, socklen_t len)
{
	static const char mapped[] = "::ffff:";
	size_t skip = sizeof mapped - 1;

	if (getnameinfo((const struct sockaddr *)from, len, guest->source, sizeof guest->source,
			NULL, 0, NI_NUMERICHOST) != 0)
		guest->source[0] = '\0';
	if (strncmp(guest->source, mapped, skip) == 0 && strchr(guest->source, '.') != NULL)
		memmove(guest->source, guest->source + skip, strlen(guest->source + skip) + 1);
}

static void greet(struct dial_in *d, struct port *port)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int fd = accept4(port->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct guest *guest;

	if (fd < 0)
		return;
	/* A gateway registers at once: it is not the oldest that is still silent. */
	if (d->n_guests == GUESTS_MAX) {
		refuse(d, &d->guests[0]);
		d->n_guests--;
		memmove(d->guests, d->guests + 1, d->n_guests * sizeof *d->guests);
	}
	guest = &d->guests[d->n_guests++];
	*guest = (struct guest){.fd = fd, .port = port, .until_ms = clock_mono_ms() + REGISTER_MS};
	name_source(guest, &from, len);
}

/* False: it has gone. */
static bool listen_to(struct guest *guest)
{
	ssize_t n = recv(guest->fd, guest->bytes + guest->n, sizeof guest->bytes - guest->n,
			 MSG_DONTWAIT);

	if (n > 0)
		guest->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* False: the guest is seated, refused or gone. */
static bool keep_guest(struct dial_in *d, struct guest *guest, bool is_readable)
{
	bool is_here = !is_readable || listen_to(guest);
	bool is_late = !is_here || clock_mono_ms() >= guest->until_ms ||
		       guest->n == sizeof guest->bytes || guest->port->users == 0;
	struct dial_in_seat *seat = is_here ? find_seat(d, guest, is_late) : NULL;

	if (seat != NULL)
		seat_guest(seat, guest);
	else if (is_late)
		refuse(d, guest);
	return seat == NULL && !is_late;
}

/* With the lock held: what was polled lies in p, guests behind ports. */
static void serve(struct dial_in *d, const struct pollfd *p, size_t n_ports)
{
	size_t n_guests = 0, n_old = d->n_guests, i = 0;

	for (size_t k = 0; k < n_old; k++)
		if (keep_guest(d, &d->guests[k], p[n_ports + k].revents != 0))
			d->guests[n_guests++] = d->guests[k];
	d->n_guests = n_guests;
	for (struct port *port = d->ports; port != NULL && i < n_ports; port = port->next)
		if (port->fd >= 0 && port->fd == p[i].fd && p[i++].revents != 0 && port->users > 0)
			greet(d, port);
}

static void close_unused(struct dial_in *d)
{
	struct port **at = &d->ports;

	while (*at != NULL) {
		struct port *port = *at;

		if (port->users > 0) {
			at = &port->next;
			continue;
		}
		/* Guests of it have been refused by now: serve() comes first. */
		*at = port->next;
		free_port(port);
	}
}

static void prepare(struct dial_in *d, struct pollfd **p, size_t *cap, size_t *n_ports)
{
	size_t n = 1;

	*n_ports = 0;
	for (const struct port *port = d->ports; port != NULL; port = port->next)
		n++;
	if (n + GUESTS_MAX > *cap) {
		*cap = n + GUESTS_MAX;
		*p = xrealloc(*p, *cap, sizeof **p);
	}
	(*p)[0] = (struct pollfd){.fd = d->wake_fd, .events = POLLIN};
	for (const struct port *port = d->ports; port != NULL; port = port->next)
		if (port->fd >= 0)
			(*p)[1 + (*n_ports)++] = (struct pollfd){.fd = port->fd, .events = POLLIN};
	for (size_t i = 0; i < d->n_guests; i++)
		(*p)[1 + *n_ports + i] = (struct pollfd){.fd = d->guests[i].fd, .events = POLLIN};
}

static void *run(void *arg)
{
	struct dial_in *d = arg;
	struct pollfd *p = NULL;
	size_t cap = 0, n_ports;
	uint64_t count;

	(void)pthread_mutex_lock(&d->lock);
	while (!d->is_stopping) {
		prepare(d, &p, &cap, &n_ports);
		(void)pthread_mutex_unlock(&d->lock);
		(void)poll(p, 1 + n_ports + d->n_guests, d->n_guests > 0 ? 1000 : -1);
		if (p[0].revents != 0 && read(d->wake_fd, &count, sizeof count) < 0)
			clock_sleep_until(clock_mono_ms() + 10); /* never happens, never spins */
		(void)pthread_mutex_lock(&d->lock);
		serve(d, p + 1, n_ports);
		close_unused(d);
	}
	(void)pthread_mutex_unlock(&d->lock);
	free(p);
	return NULL;
}

/* ---- life ---- */

struct dial_in *dial_in_create(void)
{
	struct dial_in *d = xcalloc(1, sizeof *d);

	(void)pthread_mutex_init(&d->lock, NULL); /* cannot fail with default attributes */
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return d;
}

void dial_in_destroy(struct dial_in *d)
{
	if (d == NULL)
		return;
	assert(d->seats == NULL);
	(void)pthread_mutex_lock(&d->lock);
	d->is_stopping = true;
	(void)pthread_mutex_unlock(&d->lock);
	wake(d);
	if (d->is_started)
		(void)pthread_join(d->thread, NULL); /* joined once */
	for (size_t i = 0; i < d->n_guests; i++)
		(void)close(d->guests[i].fd); /* nothing was written */
	close_unused(d);
	if (d->wake_fd >= 0)
		(void)close(d->wake_fd); /* holds nothing */
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
}

/* With the lock held. Only an agent with such buses has the thread. */
static int start_thread(struct dial_in *d)
{
	pthread_attr_t attributes;
	int code;

	if (d->is_started)
		return 0;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	code = d->wake_fd < 0 ? EMFILE : pthread_create(&d->thread, &attributes, run, d);
	(void)pthread_attr_destroy(&attributes);
	d->is_started = code == 0;
	return -code;
}

struct dial_in_seat *dial_in_join(struct dial_in *d, const struct dial_in_place *place)
{
	struct dial_in_seat *seat = xcalloc(1, sizeof *seat);

	*seat = (struct dial_in_seat){.dial_in = d, .place = *place, .fd = -1};
	seat->source = place->source != NULL ? xstrdup(place->source) : NULL;
	seat->place.source = seat->source;
	(void)pthread_mutex_lock(&d->lock);
	seat->port = get_port(d, place->address, place->port);
	seat->place.address = seat->port->address;
	seat->next = d->seats;
	d->seats = seat;
	(void)start_thread(d); /* tried again when somebody waits for a gateway */
	(void)pthread_mutex_unlock(&d->lock);
	wake(d);
	return seat;
}

void dial_in_leave(struct dial_in_seat *seat)
{
	struct dial_in *d = seat->dial_in;
	struct dial_in_seat **at = &d->seats;

	(void)pthread_mutex_lock(&d->lock);
	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	seat->port->users--;
	if (seat->fd >= 0)
		(void)close(seat->fd); /* nobody has taken it */
	(void)pthread_mutex_unlock(&d->lock);
	wake(d);
	free(seat->source);
	free(seat);
}

int dial_in_take(struct dial_in_seat *seat, int *fd, struct err *err)
{
	struct dial_in *d = seat->dial_in;
	struct port *port = seat->port;
	int code;

	(void)pthread_mutex_lock(&d->lock);
	if (port->fd < 0) {
		port->code = open_port(port->address, port->number, &port->fd);
		wake(d);
	}
	code = port->code < 0 ? port->code : start_thread(d);
	if (code == 0 && seat->fd < 0)
		code = -ENOTCONN;
	if (code == 0) {
		*fd = seat->fd;
		seat->fd = -1;
	}
	(void)pthread_mutex_unlock(&d->lock);
	if (code == -ENOTCONN)
		return err_set(err, code, "its gateway has not dialled in at port %d",
			       seat->place.port);
	if (code < 0)
		return err_set(err, code, "cannot listen at %s port %d: %s", seat->place.address,
			       seat->place.port, err_name(code));
	return 0;
}
