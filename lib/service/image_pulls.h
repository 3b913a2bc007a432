/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls of images for one node: a thread for each image, never two for the same. Whoever needs one asks now and then how it goes, and
 * waits elsewhere meanwhile. Used by several threads. */
#ifndef SANDBOX_SERVICE_IMAGE_PULLS_H
#define SANDBOX_SERVICE_IMAGE_PULLS_H

#include <stdbool.h>

#include "lib/service/report.h"
#include "lib/service/settings.h"

struct image_pulls;

/* `settings` are the node's, borrowed. NULL with err. */
struct image_pulls *image_pulls_new(const struct settings *settings, report_fn report, struct err *err) must_use;
/* Breaks off what is under way and waits for it: layers that have come are kept by the engine. NULL is fine. */
void image_pulls_free(struct image_pulls *pulls);

enum image_pull { IMAGE_PULL_NONE, IMAGE_PULL_UNDER_WAY, IMAGE_PULL_FAILED };
enum { IMAGE_PULL_TEXT_SIZE = 256 };
/* How it is with the image's pull; `begin`: starts it when there is none. UNDER_WAY: `text` is a sentence for users. FAILED: err says why,
 * for as long as those who wait for it need to hear of it (10 s); it was tried three times unless that made no sense. */
enum image_pull image_pulls_ask(struct image_pulls *pulls, const char *image, bool begin, char text[IMAGE_PULL_TEXT_SIZE],
                                struct err *err) must_use;

#endif
