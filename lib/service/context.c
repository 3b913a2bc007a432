/* SPDX-License-Identifier: Apache-2.0 */
/* Storage of a thread. */
#include "lib/service/context.h"

#include "lib/storage/storage.h"

int context_open_storage(struct context *context, struct err *err)
{
    return storage_open(&context->settings->storage, &context->storage, err);
}

void context_close_storage(struct context *context)
{
    storage_close(context->storage);
    context->storage = NULL;
}
