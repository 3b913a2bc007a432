/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a member's value in JSON text, so that it can be kept byte for byte (json-c saturates integers beyond 64 bit). */
#ifndef SANDBOX_UTIL_JSON_SPAN_H
#define SANDBOX_UTIL_JSON_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* In `text`, a JSON object that was found valid before, finds the value of the member `name` (ASCII) of the top level, however the
 * name's characters are written; of several with that name, the last (as json-c has it). *start_out and *len_out are the value
 * without white space around it. False: there is none. Text that is no valid JSON gives some answer within its bounds. */
bool json_member_span(const char *text, size_t len, const char *name, size_t *start_out,
                      size_t *len_out);

#endif
