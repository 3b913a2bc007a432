/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the node under its lock, so that no room is promised twice. */
#include "lib/service/placing.h"

#include <string.h>

#include "lib/model/image_name.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/util/id.h"

enum { NODE_ALIVE_S = 15 }; /* a node that was not heard of for longer gets no new containers */

int place_container(struct db *db, struct container *container, struct err *err)
{
    cleanup(node_release) struct node node = { 0 };
    char image[IMAGE_NAME_SIZE];
    image_name_normal(container->image ? container->image : "", image);
    if (node_repo_pick(db, image, &container->resources, NODE_ALIVE_S, &node, err) != 0)
        return -1;
    container->runtime_type = node.runtime_type;
    container->status = CONTAINER_CREATING;
    id_hex(container->id, CONTAINER_ID_HEX);
    id_hex(container->secret, CONTAINER_SECRET_HEX);
    memcpy(container->node_id, node.id, sizeof(container->node_id));
    return container_repo_insert(db, container, err);
}
