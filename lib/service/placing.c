/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the node under its lock, so that no room is promised twice. */
#include "lib/service/placing.h"

#include <string.h>

#include "lib/model/image_name.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/repo/room_repo.h"
#include "lib/util/id.h"

int place_container(struct db *db, struct container *container, const struct placing *placing, struct err *err)
{
    cleanup(node_release) struct node node = { 0 };
    char image[IMAGE_NAME_SIZE];
    image_name_normal(container->image ? container->image : "", image);
    const struct node_wish wish = { .image = image, .need = container->resources, .alive_s = NODE_ALIVE_S,
                                    .kept_free = placing->kept_free, .waits_at = placing->waits_at };
    if (node_repo_pick(db, &wish, &node, err) != 0)
        return -1;
    container->runtime_type = node.runtime_type;
    container->status = CONTAINER_CREATING;
    id_hex(container->id, CONTAINER_ID_HEX);
    id_hex(container->secret, CONTAINER_SECRET_HEX);
    memcpy(container->node_id, node.id, sizeof(container->node_id));
    return container_repo_insert(db, container, err);
}

static bool holds(const struct room *room, const struct resources *need)
{
    return room->cpu_milli >= need->cpu_milli && room->memory_mb >= need->memory_mb && room->containers >= 1;
}

static bool would_hold(const struct node_room *node, const struct resources *need)
{
    const struct room all = { .cpu_milli = node->left.cpu_milli + node->warm.cpu_milli,
                              .memory_mb = node->left.memory_mb + node->warm.memory_mb,
                              .containers = node->left.containers + node->warm.containers };
    return holds(&all, need);
}

/* Marks as deleting the first of them that together leave enough, locked one by one: no more of the pool is kept from others than goes. */
static int seize(struct db *db, struct container_list *pool, struct room *left, const struct resources *need, struct err *err)
{
    for (size_t i = 0; i < pool->count && !holds(left, need); i++) {
        struct container *container = &pool->items[i];
        bool locked = false;
        if (room_repo_seize(db, container->id, &locked, err) != 0)
            return -1;
        if (!locked)
            continue;
        container->status = CONTAINER_DELETING;
        left->cpu_milli += container->resources.cpu_milli;
        left->memory_mb += container->resources.memory_mb;
        left->containers++;
    }
    return 0;
}

static int evict(struct db *db, const char *node_id, struct room *left, const struct resources *need, bool *made_out, struct err *err)
{
    cleanup(container_list_release) struct container_list pool = { 0 };
    if (!holds(left, need) && (room_repo_evictable(db, node_id, &pool, err) != 0 || seize(db, &pool, left, need, err) != 0))
        return -1;
    *made_out = holds(left, need);
    for (size_t i = 0; *made_out && i < pool.count; i++) {
        bool changed = false;
        if (pool.items[i].status != CONTAINER_DELETING)
            continue;
        if (container_repo_discard(db, pool.items[i].id, &changed, err) != 0)
            return -1;
        if (!changed)
            return err_internal(err, 0, "container %s changed under its lock", pool.items[i].id);
    }
    return 0;
}

/* Looked at again under the node's lock. */
static int make_room_on(struct db *db, const char *node_id, const struct resources *need, bool *made_out, struct err *err)
{
    cleanup(node_room_list_release) struct node_room_list now = { 0 };
    bool locked = false;
    if (room_repo_lock(db, node_id, &locked, err) != 0 ||
        (locked && room_repo_soon(db, node_id, NODE_ALIVE_S, &now, err) != 0))
        return -1;
    return now.count == 1 && would_hold(&now.items[0], need) ? evict(db, node_id, &now.items[0].left, need, made_out, err) : 0;
}

int make_room(struct db *db, const struct resources *need, char node_id_out[NODE_ID_SIZE], enum runtime_type *type_out, bool *made_out,
              struct err *err)
{
    cleanup(node_room_list_release) struct node_room_list nodes = { 0 };
    *made_out = false;
    if (room_repo_soon(db, NULL, NODE_ALIVE_S, &nodes, err) != 0)
        return -1;
    for (size_t i = 0; i < nodes.count && !*made_out; i++) {
        const struct node_room *node = &nodes.items[i];
        if (would_hold(node, need) && make_room_on(db, node->node_id, need, made_out, err) != 0)
            return -1;
        memcpy(node_id_out, node->node_id, NODE_ID_SIZE);
        *type_out = node->runtime_type;
    }
    return 0;
}
