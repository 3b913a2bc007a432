/* SPDX-License-Identifier: Apache-2.0 */
/* What a FastCGI answer costs at least: the same web server, libfcgi and number of threads as sandbox-api in the bench, and nothing done: a body is read
 * and thrown away. */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 32, PIECE = 64 * 1024 };

static void *serve(void *arg)
{
    static const char answer[] = "Status: 200\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"status\":\"empty\"}";
    FCGX_Request request;
    char piece[PIECE];
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) == 0) {
        request.keepConnection = 0;
        while (FCGX_GetStr(piece, sizeof(piece), request.in) > 0)
            ;
        FCGX_PutStr(answer, sizeof(answer) - 1, request.out);
        FCGX_Finish_r(&request);
    }
    FCGX_Free(&request, 1);
    return arg;
}

/* libfcgi would take SIGTERM for itself. */
int main(void)
{
    sigset_t ending;
    pthread_t thread;
    int signum;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    if (FCGX_Init() != 0 || pthread_sigmask(SIG_BLOCK, &ending, NULL) != 0)
        return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, serve, NULL) != 0)
            return EXIT_FAILURE;
    sigwait(&ending, &signum);
    _exit(EXIT_SUCCESS);
}
