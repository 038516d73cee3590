/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/mem.h"
#include "server/api/http_watch.h"

/* Files that are not connections: ledger, logs, databases. */
enum { OTHER_FILES = 256, SECRET_FILE_MAX = 1024 * 1024 };
/* Who waits for an answer that takes time waits for us. */
enum { SUSPENDED_MS = 24 * 3600 * 1000 };

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_watch *watch;
	struct http_options options;
	char *certificate, *key;
	uint16_t port;
	/* Of the thread that starts: what the library says meanwhile is a part of our own words. */
	pthread_t starter;
	bool is_starting;
	char reason[256];
};

/* A request under way: its body grows until it is whole; then it is asked, once, and answered. */
struct under_way {
	const struct http_server *server;
	struct MHD_Connection *connection;
	struct buf body;
	size_t max;
	bool is_begun, is_asked, is_too_large, has_nul;
	char peer[INET6_ADDRSTRLEN];
	struct http_request_in request;
	struct http_reply reply;
};

static enum MHD_Result add_parameter(void *arg, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct http_request_in *request = arg;

	(void)kind;
	if (request->n_parameters == HTTP_PARAMETERS_MAX) {
		request->has_too_many = true;
		return MHD_NO;
	}
	request->parameters[request->n_parameters++] =
		(struct http_parameter){name, value != NULL ? value : ""};
	return MHD_YES;
}

static const char *find_header(void *headers, const char *name)
{
	return MHD_lookup_connection_value(headers, MHD_HEADER_KIND, name);
}

static void print_peer(struct MHD_Connection *connection, char text[INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	text[0] = '\0';
	if (info == NULL || info->client_addr == NULL)
		return;
	if (info->client_addr->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, info->client_addr, sizeof in);
		(void)inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN);
	} else if (info->client_addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, info->client_addr, sizeof in6);
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN);
	}
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_warn("http", "header %s could not be added", name);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct http_reply *reply)
{
	size_t len = reply->body.len;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, buf_take(&reply->body), MHD_RESPMEM_MUST_FREE);
	char seconds[16];
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	if (reply->content_type != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
	if (reply->etag[0] != '\0')
		add_header(response, MHD_HTTP_HEADER_ETAG, reply->etag);
	if (reply->vary != NULL)
		add_header(response, MHD_HTTP_HEADER_VARY, reply->vary);
	if (reply->encoding != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, reply->encoding);
	if (reply->link != NULL)
		add_header(response, MHD_HTTP_HEADER_LINK, reply->link);
	if (reply->allow[0] != '\0')
		add_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	if (reply->status == MHD_HTTP_UNAUTHORIZED)
		add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (reply->retry_after_s > 0) {
		(void)snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
		add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	if (reply->file_name != NULL)
		add_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, reply->file_name);
	add_header(response, "X-Content-Type-Options", "nosniff");
	if (reply->policy != NULL) {
		add_header(response, "Content-Security-Policy", reply->policy);
		add_header(response, "Referrer-Policy", "no-referrer");
	}
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
		   reply->cache_control != NULL ? reply->cache_control : "no-cache");
	result = MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static void give_time(const struct http_server *server, struct MHD_Connection *connection,
		      int64_t limit_ms)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (info != NULL && info->socket_context != NULL)
		http_watch_extend(server->watch, info->socket_context, limit_ms);
}

/* On the thread of the connection, before anybody may resume it. */
static void suspend(void *arg)
{
	const struct under_way *under_way = arg;

	give_time(under_way->server, under_way->connection, SUSPENDED_MS);
	MHD_suspend_connection(under_way->connection);
}

/* on_access is called again then, unless the connection is over. */
static void resume(void *arg)
{
	const struct under_way *under_way = arg;

	MHD_resume_connection(under_way->connection);
}

/* Url and method stay where they are as long as the request does. */
static bool ask(struct under_way *under_way, const char *url, const char *method)
{
	struct http_request_in *request = &under_way->request;
	const struct http_options *options = &under_way->server->options;

	print_peer(under_way->connection, under_way->peer);
	*request = (struct http_request_in){.method = method,
					    .path = url,
					    .peer = under_way->peer,
					    .find_header = find_header,
					    .headers = under_way->connection,
					    .is_too_large = under_way->is_too_large,
					    .has_zero_byte = under_way->has_nul,
					    .suspend = suspend,
					    .resume = resume,
					    .under_way = under_way};
	if (!under_way->is_too_large) {
		request->body = under_way->body.data;
		request->body_len = under_way->body.len;
	}
	(void)MHD_get_connection_values(under_way->connection, MHD_GET_ARGUMENT_KIND, add_parameter,
					request);
	under_way->reply.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	under_way->is_asked = true;
	return options->handle(request, &under_way->reply, options->arg);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context != NULL)
			http_watch_close(server->watch, *context);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL)
		*context = http_watch_open(server->watch, info->connect_fd,
					   server->options.times.header_ms);
}

/* NOLINTNEXTLINE(readability-function-size): the signature is the library's */
static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url,
				 const char *method, const char *version, const char *data,
				 size_t *data_len, void **state)
{
	const struct http_server *server = arg;
	struct under_way *under_way = *state;

	(void)version;
	if (!under_way->is_begun) {
		under_way->is_begun = true;
		give_time(server, connection, server->options.times.body_ms);
		under_way->max = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							     MHD_HTTP_HEADER_AUTHORIZATION) != NULL
					 ? HTTP_BODY_MAX
					 : HTTP_ANONYMOUS_BODY_MAX;
		return MHD_YES;
	}
	if (*data_len > 0) {
		if (under_way->body.len + *data_len > under_way->max)
			under_way->is_too_large = true;
		else
			buf_add(&under_way->body, data, *data_len);
		*data_len = 0;
		return MHD_YES;
	}
	if (!under_way->is_asked && !ask(under_way, url, method))
		return MHD_YES; /* suspended */
	give_time(server, connection, server->options.times.answer_ms);
	return send_reply(connection, &under_way->reply);
}

/* Sees the request line before it is decoded: a %00 in it would cut what follows. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct under_way *under_way = xcalloc(1, sizeof *under_way);

	under_way->server = arg;
	under_way->connection = connection;
	under_way->has_nul = strstr(uri, "%00") != NULL;
	return under_way;
}

__attribute__((format(printf, 2, 0))) static void on_library_message(void *arg, const char *format,
								     va_list args)
{
	struct http_server *server = arg;
	char text[256];

	(void)vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	if (pthread_equal(pthread_self(), server->starter) && server->is_starting)
		memcpy(server->reason, text, sizeof text);
	else
		log_warn("http", "%s", text);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	const struct http_server *server = arg;
	struct under_way *under_way = *state;

	(void)code;
	give_time(server, connection, server->options.times.header_ms);
	if (under_way == NULL)
		return;
	buf_fini(&under_way->body);
	buf_fini(&under_way->reply.body); /* of an answer that could not be sent */
	free(under_way->reply.link);
	free(under_way);
	*state = NULL;
}

/* "host:port" with a numeric host, IPv6 in brackets. */
static int parse_listen(const char *listen, struct sockaddr_storage *address, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	char host[INET6_ADDRSTRLEN + 2] = {0};
	char *end;
	unsigned long port;

	if (colon == NULL || (size_t)(colon - listen) >= sizeof host || colon[1] == '\0')
		return err_set(err, -EINVAL, "listen is '%s'; it must be address:port", listen);
	memcpy(host, listen, (size_t)(colon - listen));
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port > UINT16_MAX)
		return err_set(err, -EINVAL, "listen is '%s'; the port must be 0 to 65535", listen);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
					   .sin6_port = htons((uint16_t)port)};

		host[strlen(host) - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &in6.sin6_addr) == 1) {
			memcpy(address, &in6, sizeof in6);
			return 0;
		}
	} else {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

		if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
			memcpy(address, &in, sizeof in);
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "listen is '%s'; the address must be numeric, such as 127.0.0.1 "
		       "or [::1]",
		       listen);
}

static int read_file(const char *path, char **text, struct err *err)
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (file == NULL)
		return err_set(err, -errno, "%s: %s", path, err_name(errno));
	*text = xcalloc(SECRET_FILE_MAX + 1, 1);
	n = fread(*text, 1, SECRET_FILE_MAX, file);
	(void)fclose(file); /* read only */
	if (n > 0)
		return 0;
	free(*text);
	*text = NULL;
	return err_set(err, -EINVAL, "%s: is empty", path);
}

/* As many as asked for, as far as the limit of open files, which is raised first, allows. */
static unsigned connection_limit(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			(void)getrlimit(RLIMIT_NOFILE, &limit); /* worked above */
	}
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= (rlim_t)wanted + OTHER_FILES)
		return wanted;
	wanted = limit.rlim_cur > 2 * OTHER_FILES ? (unsigned)limit.rlim_cur - OTHER_FILES
						  : (unsigned)limit.rlim_cur / 2;
	log_warn("http", "the limit of open files leaves room for %u connections", wanted);
	return wanted;
}

static const char *start_advice(int failure)
{
	switch (failure) {
	case EADDRINUSE:
		return "; another program listens there ('ss -ltnp' names it): end it, or choose "
		       "another port in http.listen";
	case EADDRNOTAVAIL:
		return "; no interface of this machine has the address ('ip address' lists them)";
	case EACCES:
		return "; ports below 1024 are for root: choose a higher one, with a proxy in "
		       "front";
	default:
		return "";
	}
}

static int start_daemon(struct http_server *server, const struct sockaddr_storage *address,
			struct err *err)
{
	const struct http_options *options = &server->options;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	bool is_tls = server->certificate != NULL;
	int failure;
	/* One epoll thread alone collapses above 128 connections; a pool of them does not. */
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG | (is_tls ? MHD_USE_TLS : 0u) |
			 (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0u);

	server->starter = pthread_self();
	server->is_starting = true;
	/* The listening address is read before MHD_start_daemon returns. */
	errno = 0;
	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER,
		on_library_message, server, MHD_OPTION_URI_LOG_CALLBACK, on_uri, server,
		MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_THREAD_POOL_SIZE,
		options->n_threads > 1 ? options->n_threads : 2u, MHD_OPTION_CONNECTION_LIMIT,
		connection_limit(options->connections), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		options->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)(options->times.idle_ms / 1000), MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_ARRAY, is_tls ? tls : none, MHD_OPTION_END);
	failure = errno;
	server->is_starting = false;
	if (server->daemon != NULL)
		return 0;
	return err_set(err, failure != 0 ? -failure : -EIO, "cannot serve HTTP%s on %s: %s%s",
		       is_tls ? "S" : "", options->listen,
		       failure != 0 ? err_name(failure) : server->reason, start_advice(failure));
}

int http_start(struct http_server **out, const struct http_options *options, struct err *err)
{
	struct http_server *server = xcalloc(1, sizeof *server);
	struct sockaddr_storage address = {0};
	const union MHD_DaemonInfo *info;
	int rc;

	server->options = *options;
	rc = parse_listen(options->listen, &address, err);
	if (rc == 0 && options->tls_cert_file != NULL)
		rc = read_file(options->tls_cert_file, &server->certificate, err);
	if (rc == 0 && options->tls_key_file != NULL)
		rc = read_file(options->tls_key_file, &server->key, err);
	if (rc == 0)
		rc = http_watch_start(&server->watch, err);
	if (rc == 0)
		rc = start_daemon(server, &address, err);
	if (rc < 0) {
		http_stop(server);
		return rc;
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
	server->port = info != NULL ? info->port : 0;
	*out = server;
	return 0;
}

void http_stop(struct http_server *server)
{
	if (server == NULL)
		return;
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	http_watch_stop(server->watch);
	free(server->certificate);
	if (server->key != NULL)
		explicit_bzero(server->key, SECRET_FILE_MAX);
	free(server->key);
	free(server);
}

uint16_t http_port(const struct http_server *server)
{
	return server->port;
}

const char *http_header(const struct http_request_in *request, const char *name)
{
	return request->find_header != NULL ? request->find_header(request->headers, name) : NULL;
}

const char *http_parameter(const struct http_request_in *request, const char *name)
{
	for (size_t i = 0; i < request->n_parameters; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return NULL;
}
