/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h - allocation that never fails: out of memory ends the process, here and nowhere else. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size); /* n * size bytes, overflow checked */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *format, ...);

/* Makes room for one more item in a growing array (doubling): p = grow(p, n, &cap, sizeof *p). */
void *grow(void *p, size_t n, size_t *cap, size_t size);

/* An arena: many small objects that live and die together. Memory comes zeroed. */
struct arena;
struct arena *arena_create(void);
void arena_destroy(struct arena *arena); /* NULL is allowed */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strndup(struct arena *arena, const char *s, size_t len);
size_t arena_size(const struct arena *arena); /* bytes taken from the system */

#endif
