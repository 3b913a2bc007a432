/* SPDX-License-Identifier: Apache-2.0 */
/* Containers whose image is not on the node: it is pulled, and they wait in their rows, not in a worker. */
#include <string.h>

#include "lib/model/image_name.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/image_repo.h"
#include "lib/service/provision_internal.h"

enum { LOOK_AGAIN_MS = 1000 };

int provision_await_image(struct provisioner *provisioner, const struct container *container, bool begin, bool *waits_out,
                          struct err *problem, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    char text[IMAGE_PULL_TEXT_SIZE];
    *waits_out = false;
    if (!config->pulls || !container->image)
        return 0;
    *waits_out = image_pulls_ask(config->pulls, container->image, begin, text, problem) == IMAGE_PULL_UNDER_WAY;
    if (!*waits_out)
        return 0;
    if (container_repo_pulling(config->db, container->id, config->claimed_by, LOOK_AGAIN_MS, text, err) == 0)
        return 0;
    *waits_out = false;
    return -1;
}

bool provision_lacks_image(struct provisioner *provisioner, const struct container *container)
{
    char wanted[IMAGE_NAME_SIZE];
    struct err ignored = ERR_INIT; /* what cannot be seen is not pulled */
    cleanup(runtime_images_release) struct runtime_images images = { 0 };
    if (!provisioner->config.pulls || !provisioner->runtime || runtime_images(provisioner->runtime, &images, &ignored) != 0)
        return false;
    image_name_normal(container->image, wanted);
    for (size_t i = 0; i < images.count; i++)
        if (strcmp(images.names[i], wanted) == 0)
            return false;
    return true;
}

int provision_note_image(struct provisioner *provisioner, const struct container *container, struct err *err)
{
    char name[IMAGE_NAME_SIZE];
    if (!container->pulled_at)
        return 0;
    image_name_normal(container->image, name);
    return image_repo_add(provisioner->config.db, provisioner->config.node_id, name, err);
}
