/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of a header's value (RFC 9110 section 5.6.6): ; name=token; name="quoted". */
#ifndef SANDBOX_FCGI_HEADER_PARAMS_H
#define SANDBOX_FCGI_HEADER_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

struct header_param {
    char *name;
    char *value; /* without quotes; \" and \\ are undone, any other \ stands for itself, as browsers send it */
};

/* The value before the parameters ("form-data"), ended in place; *at is moved to the parameters. */
char *header_params_begin(char **at);
/* The next parameter, cut out of the text at *at, which is written into. 1: one; 0: none is left; -1: what stands there is none. */
int header_params_next(char **at, struct header_param *out);
/* Undoes UTF-8''percent%20encoding (RFC 8187) in place; false: another charset, a bad escape, a NUL. */
bool header_params_extended(char *value);
/* Undoes what browsers do to names within quotes (HTML: %22, %0D, %0A and nothing else), in place. */
void header_params_form_name(char *value);

#endif
