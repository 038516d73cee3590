/* SPDX-License-Identifier: Apache-2.0 */
/* ad_hoc.h - a configuration out of --tcp, --rtu and other options, for commands without file. */
#ifndef AGENT_AD_HOC_H
#define AGENT_AD_HOC_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/cli.h"

/* The same checks and defaults as for a file: the options are turned into one, with one bus "x".
 * With a meter: also --unit and --profile (needed), --channel, --base. Adds to out; false: wrong
 * usage. The command has the options tcp, rtu and profiles. */
bool ad_hoc_write(const struct cli *cli, bool has_meter, struct buf *out);
bool ad_hoc_is_wanted(const struct cli *cli);

/* "9600:8N1" as the keys of a bus or meter, "baud: 9600, parity: N, stop_bits: 1"; text is changed.
 * False: not such a text. */
bool ad_hoc_write_serial(char *text, struct buf *out);

#endif
