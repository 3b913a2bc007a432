/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that the REST contract promises, in one place. */
#ifndef SANDBOX_MODEL_LIMITS_H
#define SANDBOX_MODEL_LIMITS_H

enum {
    SESSION_ID_RANDOM = 16, /* characters after "sess_" */
    SESSION_ID_SIZE = 22,   /* with NUL */
    EXECUTION_ID_RANDOM = 8,
    EXECUTION_ID_SIZE = 23, /* "exec_YYYYMMDD_xxxxxxxx" and NUL */
    CONTAINER_ID_HEX = 12,
    CONTAINER_ID_SIZE = 13,
    CONTAINER_SECRET_HEX = 48,
    CONTAINER_SECRET_SIZE = 49,

    SESSION_TIMEOUT_MIN_S = 60,
    SESSION_TIMEOUT_MAX_S = 3600,
    SESSION_TIMEOUT_DEFAULT_S = 300,
    SESSION_RESTARTS_MAX = 5,   /* containers that may die under it and be replaced */
    SESSION_START_LIMIT_S = 30, /* a session that cannot start is failed within this time */

    EXECUTION_TIMEOUT_MIN_S = 1,
    EXECUTION_TIMEOUT_MAX_S = 3600,
    EXECUTION_TIMEOUT_DEFAULT_S = 30,
    EXECUTION_RETRIES_MAX = 3,
    EXECUTION_RETRIES_DEFAULT = 3,
    EXECUTION_CONCURRENT_MAX = 4, /* of one session at once */
    EXECUTION_LEASE_MS = 15000,   /* without a renewal, another dispatcher may take the execution over */
    EXECUTION_HEARTBEAT_MS = 5000,
    DISPATCHER_OFFER_MS = 5000,   /* a dispatcher that says nothing for so long is given nothing more */
    EXECUTION_MARGIN_MS = 30000, /* executors enforce time limits; this much later we stop believing that */

    CODE_BYTES_MAX = 100 * 1024,
    EVENT_BYTES_MAX = 1024 * 1024,
    CALLBACK_URL_MAX = 2048,
    ENV_VARS_MAX = 64,
    ENV_BYTES_MAX = 10 * 1024,
    RETURN_BYTES_MAX = 4 * 1024 * 1024,
    OUTPUT_BYTES_MAX = 1024 * 1024, /* kept of stdout and of stderr, each: half head, half tail */

    TEMPLATE_NAME_MAX = 255, /* bytes */
    TEMPLATE_IMAGE_MAX = 512,
    TEMPLATE_PACKAGES_MAX = 200,
    TEMPLATE_PACKAGE_BYTES_MAX = 200,
    TEMPLATE_OCI_RUNTIME_MAX = 64,
    TEMPLATE_POOL_MAX = 1000,       /* warm containers */
    TEMPLATE_IDLE_MAX_S = 604800,
    TEMPLATE_IDLE_DEFAULT_S = 3600,
    TEMPLATE_CPU_MILLI_DEFAULT = 1000,
    TEMPLATE_MEMORY_MB_DEFAULT = 512,
    TEMPLATE_DISK_MB_DEFAULT = 1024,

    WAIT_MAX_S = 60,
    PAGE_LIMIT_DEFAULT = 50,
    PAGE_LIMIT_MAX = 200,
    RESULT_BODY_MAX = 12 * 1024 * 1024, /* of the internal API: two outputs and a return value, escaped */
    ARTIFACTS_MAX = 1000, /* reported by an executor of its own */
    EXECUTION_ARTIFACTS_MAX = 10000,  /* found by the control plane */
    EXECUTION_ARTIFACTS_BYTES_MAX = 4 * 1024 * 1024, /* of their list, about */
    ARTIFACT_PATH_MAX = 1024,
    REQUEST_BODY_MAX = 2 * 1024 * 1024, /* JSON bodies; event + code + escapes */
    DOORBELL_FALLBACK_MS = 250,         /* a lost datagram costs at most this */
};

#endif
