/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's inside, shared by its parts only. */
#ifndef SANDBOX_SERVICE_PROBE_INTERNAL_H
#define SANDBOX_SERVICE_PROBE_INTERNAL_H

#include "lib/io/http.h"
#include "lib/repo/probe_repo.h"
#include "lib/service/probe.h"

struct probe {
    struct probe_config config;
    struct http *http;
    struct string_list suspicious; /* nodes of which the log said that none of their executors answers */
};

/* One executor: its row, how it is reached, and what it answered. */
struct probe_question {
    struct probe_row *row; /* borrowed, as is the next */
    const struct runtime_settings *runtime;
    bool done, answered;
    struct err why; /* when it did not */
};

/* Asks all of them, at once. */
int probe_ask(struct probe *probe, struct probe_question *questions, size_t count, struct err *err) must_use;

#endif
