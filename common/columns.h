/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h - text for a terminal of 80 columns, where a Chinese character takes two. */
#ifndef COMMON_COLUMNS_H
#define COMMON_COLUMNS_H

#include <stdio.h>

#include "common/buf.h"

enum { COLUMNS_MAX = 80 };

/* Columns that the text takes. */
int columns_of(const char *text);

/* Adds the text and blanks to fill the width: behind it, or before it if the width is negative.
 * Longer text is added whole. */
void columns_pad(struct buf *out, const char *text, int width);

/* Adds the text, broken at blanks, or between Chinese characters, so that no line is wider than 80.
 * column: where the first line begins; what is broken goes on at indent. Line feeds stay. */
void columns_wrap(struct buf *out, const char *text, int column, int indent);
/* Writes the text as lines of their own: broken like that if the file is a terminal, as they are
 * for programs. */
void columns_put(FILE *file, const char *text, int indent);

#endif
