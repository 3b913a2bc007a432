/* SPDX-License-Identifier: Apache-2.0 */
/* The suite of all drivers on an engine at the end of a TLS connection. */
#include "config.h"

#include <stdlib.h>

#include "tests/integration/relay_stage.h"
#include "tests/integration/runtime_stage.h"

/* What every driver must do, over TLS too: with SANDBOX_LONG, as its image is large. */
Suite *relay_runtime_suite(const struct relay_stage *stage)
{
    Suite *all = suite_create("runtime over TLS");
    TCase *common = tcase_create("common"), *looks = tcase_create("looks");
    if (getenv("SANDBOX_LONG") && relay_stage_engine(stage, "load") == 0) {
        stage_kind = "docker";
        setenv(STAGE_DOCKER_HOST, stage->host, 1);
        setenv(STAGE_DOCKER_TLS, stage->tls, 1);
        stage_add_common(common);
        stage_add_looks(looks);
    }
    suite_add_tcase(all, common);
    suite_add_tcase(all, looks);
    return all;
}
