/* SPDX-License-Identifier: Apache-2.0 */
/* The section alarms of server.yaml: who is told, and how. */
#include <string.h>

#include "server/config/config_internal.h"
#include "server/registry/region.h"

const char *const alarm_receiver_kind_names[] = {"mqtt", "webhook", "email", NULL};
static const char *const severities[] = {"info", "warning", "error", NULL};
static const char *const languages[] = {"zh", "en", "both", NULL};
static const char *const tls_names[] = {"required", "if_offered", "never", NULL};
static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
				       "friday", "saturday", "sunday",    NULL};

#define RECEIVER_TEXT(field, words)                                               \
	{                                                                         \
		.name = #field, .type = CONF_STRING, .max = 500,                  \
		.offset = offsetof(struct alarm_receiver, field), .help = (words) \
	}
#define RECEIVER_FLAG(key, field, usual, words)                                   \
	{                                                                         \
		.name = (key), .type = CONF_BOOLEAN, .fallback = (usual),         \
		.offset = offsetof(struct alarm_receiver, field), .help = (words) \
	}

static const struct conf_key receiver_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct alarm_receiver, node)},
	{.name = "name",
	 .type = CONF_STRING,
	 .is_required = true,
	 .max = 48,
	 .offset = offsetof(struct alarm_receiver, name),
	 .help = "unique; what waits for it is kept under this name"},
	{.name = "kind",
	 .type = CONF_CHOICE,
	 .is_required = true,
	 .choices = alarm_receiver_kind_names,
	 .offset = offsetof(struct alarm_receiver, kind),
	 .help = "how it is told"},
	RECEIVER_TEXT(region, "code: only of what lies in it; default: all"),
	{.name = "severity",
	 .type = CONF_CHOICE,
	 .choices = severities,
	 .fallback = "warning",
	 .offset = offsetof(struct alarm_receiver, severity),
	 .help = "only this one and graver"},
	{.name = "rules",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct alarm_receiver, rules),
	 .help = "only of these rules; default: all"},
	RECEIVER_FLAG("cleared", wants_cleared, "true", "also when an alarm is over"),
	RECEIVER_FLAG("digest", wants_digest, "false", "also once a week what is open"),
	RECEIVER_FLAG("sensitive", may_see_sensitive, "false",
		      "also of institutions that the registry calls sensitive"),
	{.name = "language",
	 .type = CONF_CHOICE,
	 .choices = languages,
	 .fallback = "zh",
	 .offset = offsetof(struct alarm_receiver, language),
	 .help = "of mails; MQTT and webhooks carry both"},
	RECEIVER_TEXT(topic, "mqtt: where it is published; default: nenghao/1/alarms/ and the "
			     "server's region"),
	RECEIVER_TEXT(url, "webhook: http:// or https://, where it is posted"),
	RECEIVER_TEXT(secret_file, "webhook: its first line is the key that signs; whsec_... is "
				   "base64; default: not signed"),
	RECEIVER_TEXT(ca_file, "webhook: PEM certificates that https:// trusts; default: the "
			       "system's"),
	{.name = "to",
	 .type = CONF_STRINGS,
	 .max = 50,
	 .offset = offsetof(struct alarm_receiver, to),
	 .help = "email: addresses"},
	{0},
};

static const struct conf_key smtp_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct server_smtp_config, node)},
	{.name = "url",
	 .type = CONF_STRING,
	 .is_required = true,
	 .offset = offsetof(struct server_smtp_config, url),
	 .help = "smtp://host:587, or smtps://host:465"},
	{.name = "from",
	 .type = CONF_STRING,
	 .is_required = true,
	 .offset = offsetof(struct server_smtp_config, from),
	 .help = "the sender's address"},
	{.name = "username",
	 .type = CONF_STRING,
	 .offset = offsetof(struct server_smtp_config, username),
	 .help = "with password_file"},
	{.name = "password_file",
	 .type = CONF_STRING,
	 .offset = offsetof(struct server_smtp_config, password_file),
	 .help = "its first line is the password"},
	{.name = "ca_file",
	 .type = CONF_STRING,
	 .offset = offsetof(struct server_smtp_config, ca_file),
	 .help = "PEM certificates that are trusted; default: the system's"},
	{.name = "tls",
	 .type = CONF_CHOICE,
	 .choices = tls_names,
	 .fallback = "required",
	 .offset = offsetof(struct server_smtp_config, tls),
	 .help = "of smtp://: STARTTLS; a password needs it"},
	{0},
};

const struct conf_key server_alarm_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct server_alarm_config, node)},
	{.name = "rules",
	 .type = CONF_STRING,
	 .offset = offsetof(struct server_alarm_config, rules),
	 .help = "folder with the rules; default: 'alarms' beside the factors' folder, if it is "
		 "there"},
	{.name = "receivers",
	 .type = CONF_LIST,
	 .max = ALARM_RECEIVERS_MAX,
	 .offset = offsetof(struct server_alarm_config, receivers),
	 .table = receiver_keys,
	 .item_size = sizeof(struct alarm_receiver),
	 .help = "who is told; none: alarms stand in the list of events alone"},
	{.name = "smtp",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct server_alarm_config, smtp),
	 .table = smtp_keys,
	 .help = "who takes mails; needed by receivers of kind email"},
	{.name = "give_up",
	 .type = CONF_DURATION,
	 .min = 3600000,
	 .max = INT64_C(366) * DAY_MS,
	 .fallback = "7d",
	 .offset = offsetof(struct server_alarm_config, give_up_ms),
	 .help = "for so long a notice is tried again and again"},
	{.name = "max_age",
	 .type = CONF_DURATION,
	 .min = 3600000,
	 .max = INT64_C(366) * DAY_MS,
	 .fallback = "7d",
	 .offset = offsetof(struct server_alarm_config, max_age_ms),
	 .help = "what ended longer ago when it is found is not told, only listed"},
	{.name = "gather",
	 .type = CONF_DURATION,
	 .min = 0,
	 .max = HOUR_MS,
	 .fallback = "60s",
	 .offset = offsetof(struct server_alarm_config, gather_ms),
	 .help = "for so long a notice waits for others that belong together with it"},
	{.name = "summary_above",
	 .type = CONF_INTEGER,
	 .min = 0,
	 .max = 10000,
	 .fallback = "10",
	 .offset = offsetof(struct server_alarm_config, summary_above),
	 .help = "more notices of one rule to one receiver are one summary; 0: never"},
	{.name = "summary_window",
	 .type = CONF_DURATION,
	 .min = 0,
	 .max = DAY_MS,
	 .fallback = "10m",
	 .offset = offsetof(struct server_alarm_config, summary_window_ms),
	 .help = "so far apart they are still counted together; a summary is followed by no other "
		 "of its rule for as long"},
	{.name = "link",
	 .type = CONF_STRING,
	 .max = 300,
	 .offset = offsetof(struct server_alarm_config, link),
	 .help = "https://energy.city.example: where people open this server's page; summaries "
		 "link to it"},
	{.name = "digest_day",
	 .type = CONF_CHOICE,
	 .choices = weekdays,
	 .fallback = "monday",
	 .offset = offsetof(struct server_alarm_config, digest_weekday),
	 .help = "when the weekly digest is sent"},
	{.name = "digest_hour",
	 .type = CONF_INTEGER,
	 .min = 0,
	 .max = 23,
	 .fallback = "8",
	 .offset = offsetof(struct server_alarm_config, digest_hour),
	 .help = "local hour of that day"},
	{0},
};

/* ---- what a table cannot check ---- */

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = map != NULL ? conf_get(map, key) : NULL;

	return node != NULL ? node : map;
}

static const struct {
	const char *key;
	bool is_needed[3], is_allowed[3]; /* by kind */
} receiver_rules[] = {
	/*               mqtt   webhook email */
	{"topic", {false, false, false}, {true, false, false}},
	{"url", {false, true, false}, {false, true, false}},
	{"secret_file", {false, false, false}, {false, true, false}},
	{"ca_file", {false, false, false}, {false, true, false}},
	{"to", {false, false, true}, {false, false, true}},
	{"language", {false, false, false}, {false, false, true}},
};

/* One address without a name, of the kind that every mail server takes. */
static bool is_address(const char *text)
{
	const char *sign = strchr(text, '@');

	if (sign == NULL || sign == text || sign[1] == '\0' || strchr(sign + 1, '@') != NULL)
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f ||
		    strchr("<>(),;:\\\"[]", *text) != NULL)
			return false;
	return true;
}

static void check_to(const struct alarm_receiver *receiver, struct conf_errors *errors)
{
	const struct conf_node *list = conf_get(receiver->node, "to");

	for (const struct conf_node *node = list != NULL ? list->first : NULL; node != NULL;
	     node = node->next)
		if (node->text != NULL && !is_address(node->text))
			conf_error(errors, node, NULL, "'%.100s' is not a mail address",
				   node->text);
}

static void check_receiver(const struct alarm_receiver *receiver, struct conf_errors *errors)
{
	const char *kind = alarm_receiver_kind_names[receiver->kind], *wrong;

	for (size_t i = 0; i < sizeof receiver_rules / sizeof *receiver_rules; i++) {
		const char *key = receiver_rules[i].key;
		const struct conf_node *node = conf_get(receiver->node, key);

		if (node == NULL && receiver_rules[i].is_needed[receiver->kind])
			conf_error(errors, receiver->node, key, "is missing; %s needs it", kind);
		if (node != NULL && !receiver_rules[i].is_allowed[receiver->kind])
			conf_error(errors, node, NULL, "has no meaning for %s", kind);
	}
	if (receiver->region != NULL &&
	    !region_code_is_valid(receiver->region, strlen(receiver->region)))
		conf_error(errors, at(receiver->node, "region"), NULL,
			   "'%.60s' is not a region code", receiver->region);
	wrong = receiver->url != NULL ? server_judge_url(receiver->url) : NULL;
	if (wrong != NULL)
		conf_error(errors, at(receiver->node, "url"), NULL, "%s", wrong);
	if (receiver->topic != NULL && strpbrk(receiver->topic, "+#") != NULL)
		conf_error(errors, at(receiver->node, "topic"), NULL,
			   "must have neither '+' nor '#'");
	check_to(receiver, errors);
}

static void check_smtp(const struct server_smtp_config *smtp, struct conf_errors *errors)
{
	bool has_user = smtp->username != NULL;

	if (strncmp(smtp->url, "smtp://", 7) != 0 && strncmp(smtp->url, "smtps://", 8) != 0)
		conf_error(errors, at(smtp->node, "url"), NULL,
			   "must begin with smtp:// or smtps://");
	if (strchr(smtp->url, '@') != NULL)
		conf_error(errors, at(smtp->node, "url"), NULL,
			   "must not hold a user; use username and password_file");
	if (!is_address(smtp->from))
		conf_error(errors, at(smtp->node, "from"), NULL, "'%.100s' is not a mail address",
			   smtp->from);
	if (has_user != (smtp->password_file != NULL))
		conf_error(errors, smtp->node, NULL,
			   "username and password_file belong together; one is missing");
	if (has_user && smtp->tls != SMTP_TLS_REQUIRED && strncmp(smtp->url, "smtp://", 7) == 0)
		conf_error(errors, at(smtp->node, "tls"), NULL,
			   "must be required: a password would travel in the clear");
}

void server_alarm_check(struct server_config *config, struct conf_errors *errors)
{
	const struct server_alarm_config *alarms = &config->alarms;
	const struct alarm_receiver *list = alarms->receivers.items;

	if (alarms->link != NULL && server_judge_url(alarms->link) != NULL)
		conf_error(errors, at(alarms->node, "link"), NULL, "%s",
			   server_judge_url(alarms->link));
	if (alarms->smtp.node != NULL && alarms->smtp.url != NULL && alarms->smtp.from != NULL)
		check_smtp(&alarms->smtp, errors);
	for (size_t i = 0; i < alarms->receivers.count; i++) {
		check_receiver(&list[i], errors);
		if (list[i].kind == ALARM_TO_EMAIL && alarms->smtp.node == NULL)
			conf_error(errors, list[i].node, "kind",
				   "email needs the section alarms.smtp");
		for (size_t j = 0; j < i; j++)
			if (strcmp(list[j].name, list[i].name) == 0)
				conf_error(errors, at(list[i].node, "name"), NULL,
					   "is also the name of the receiver in line %u",
					   (unsigned)list[j].node->line);
	}
}
