/* SPDX-License-Identifier: Apache-2.0 */
/* interrupt.h - Ctrl-C ends a long command in an orderly way: it shows what it has. */
#ifndef AGENT_INTERRUPT_H
#define AGENT_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM are noted; a second one ends the process as usual. */
void interrupt_catch(void);
bool interrupt_came(void);
/* Returns early when one comes. */
void interrupt_sleep_until(int64_t mono_ms);

#endif
