/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write them in settings: sizes, times, numbers, words, addresses to listen on, port ranges,
 * lists. The faults are FAULT_INPUT, say what is wrong and what to write instead, and leave it to the caller
 * to say where it stands. Floor 0; any thread. */
#ifndef CRADLE_VALUE_H
#define CRADLE_VALUE_H

#include "base/fault.h"
#include "base/settings.h"
#include <stdbool.h>
#include <stdint.h>

/* Values and lists are shorter than this; the readers of lists demand it. */
#define VALUE_MAX 1024

/* Whole numbers from min to max with a unit: none; K, M, G; ms, s, m, h, d (seconds without one). */
enum fault_code value_number(const char *text, int64_t min, int64_t max, int64_t *ret_number,
                             struct fault *f);
enum fault_code value_size(const char *text, int64_t min, int64_t max, int64_t *ret_bytes, struct fault *f);
enum fault_code value_time(const char *text, int64_t min, int64_t max, int64_t *ret_ms, struct fault *f);

/* The index of text in a list of words that ends with NULL. */
enum fault_code value_word(const char *text, const char *const *words, int *ret_index, struct fault *f);

/* "address:port, [address]:port, localhost:port"; an empty text is an empty list. Names other than localhost
 * are not resolved: a listener must not depend on DNS. */
enum fault_code value_listen(const char *text, struct settings_listen *ret_listen, struct fault *f);
/* "low-high". */
enum fault_code value_ports(const char *text, int64_t min, int64_t max, struct settings_ports *ret_ports,
                            struct fault *f);

/* Takes blanks and line ends off both ends, in place; returns the new beginning. */
char *value_trim(char *text);
/* Cuts the next trimmed item off a list with commas, in place; NULL at the end. */
char *value_item(char **list);
/* How unlike two words are (Levenshtein), for "did you mean". VALUE_ALIEN when one of them is longer than
 * that. */
#define VALUE_ALIEN 40
int value_unlike(const char *a, const char *b);

#endif
