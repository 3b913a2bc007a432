/* SPDX-License-Identifier: Apache-2.0 */
/* What a FastCGI answer costs at least: the same web server, libfcgi and number of threads as sandbox-api, and nothing done. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 48 };

static void *serve(void *arg)
{
    static const char answer[] = "Status: 200\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"status\":\"empty\"}";
    FCGX_Request request;
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) == 0) {
        request.keepConnection = 0;
        FCGX_PutStr(answer, sizeof(answer) - 1, request.out);
        FCGX_Finish_r(&request);
    }
    FCGX_Free(&request, 1);
    return arg;
}

int main(void)
{
    pthread_t threads[THREADS];
    if (FCGX_Init() != 0)
        return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, serve, NULL) != 0)
            return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return EXIT_SUCCESS;
}
