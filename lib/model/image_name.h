/* SPDX-License-Identifier: Apache-2.0 */
/* Names of container images, as github.com/distribution/reference defines them: [REGISTRY/]PATH[:TAG][@DIGEST]. Pure. */
#ifndef SANDBOX_MODEL_IMAGE_NAME_H
#define SANDBOX_MODEL_IMAGE_NAME_H

#include "lib/model/limits.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { IMAGE_NAME_SIZE = TEMPLATE_IMAGE_MAX + 64, IMAGE_TAG_SIZE = 129 };

struct image_name {
    char registry[256];                    /* "docker.io" when none is named; with its port */
    char repository[TEMPLATE_IMAGE_MAX + 9]; /* "library/python", "team/box" */
    char tag[IMAGE_TAG_SIZE];              /* "latest" when neither it nor a digest is named; else it may be "" */
    char digest[IMAGE_TAG_SIZE];           /* "sha256:...", or "" */
};

/* ERR_INVALID: it is no such name (the id of an image, for one, is none). */
int image_name_parse(const char *text, struct image_name *out, struct err *err) must_use;
/* Without registry and "library/" of Docker Hub: how engines list it. With its digest, else its tag. */
void image_name_familiar(const struct image_name *name, char out[IMAGE_NAME_SIZE]);
/* The same of a text; one that is no name stays as it is. */
void image_name_normal(const char *text, char out[IMAGE_NAME_SIZE]);

#endif
