/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl token ... */
#include <stdlib.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/repo/clock_repo.h"
#include "lib/service/tokens.h"
#include "lib/util/clock.h"

#define TOKEN_LINE "%-12s  %-24s  %-24s  %-20s  %-20s  %-20s  %s\n"

enum { DAY_MS = 24 * 60 * 60 * 1000, DAYS_MAX = 36500 };

int ctl_token_create(struct ctl *ctl, struct err *err)
{
    const char *owner = ctl->options[0], *list = ctl->options[1], *days_text = ctl->options[2];
    unsigned scopes = 0;
    int64_t days = 0;
    struct token token;
    char text[TOKEN_TEXT_SIZE];
    if (token_scopes_parse(list ? list : "sessions", &scopes, err) != 0)
        return -1;
    if (days_text && ctl_number(days_text, "--expires-days", 1, DAYS_MAX, &days, err) != 0)
        return -1;
    int64_t now = 0;
    if (days && clock_repo_now(ctl->context.db, &now, err) != 0)
        return -1;
    int64_t expires_at = days ? now + days * DAY_MS : 0;
    if (token_service_create(&ctl->context, owner, scopes, expires_at, text, &token, err) != 0)
        return -1;
    fprintf(stderr, "Token %s of %s; it is shown only now.\n", token.id, token.owner);
    puts(text);
    return 0;
}

static void format_time(int64_t ms, char out[CLOCK_TEXT_SIZE])
{
    if (ms)
        clock_format(ms, out);
    else
        snprintf(out, CLOCK_TEXT_SIZE, "-");
}

int ctl_token_list(struct ctl *ctl, struct err *err)
{
    cleanup_free struct token *tokens = NULL;
    size_t count = 0;
    if (token_repo_list(ctl->context.db, &tokens, &count, err) != 0)
        return -1;
    printf(TOKEN_LINE, "ID", "OWNER", "SCOPES", "CREATED", "EXPIRES", "LAST USED", "REVOKED");
    for (size_t i = 0; i < count; i++) {
        char scopes[TOKEN_SCOPES_SIZE], created[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE],
            used[CLOCK_TEXT_SIZE], revoked[CLOCK_TEXT_SIZE];
        token_scopes_format(tokens[i].scopes, scopes);
        format_time(tokens[i].created_at, created);
        format_time(tokens[i].expires_at, expires);
        format_time(tokens[i].last_used_at, used);
        format_time(tokens[i].revoked_at, revoked);
        printf(TOKEN_LINE, tokens[i].id, tokens[i].owner, scopes, created, expires, used, revoked);
    }
    return 0;
}

int ctl_token_revoke(struct ctl *ctl, struct err *err)
{
    return token_service_revoke(&ctl->context, ctl->arguments[0], err);
}

int ctl_token_check(struct ctl *ctl, struct err *err)
{
    char text[128] = "", scopes[TOKEN_SCOPES_SIZE];
    struct caller caller;
    if (!fgets(text, sizeof(text), stdin))
        return err_set(err, ERR_INVALID, "There is no token on standard input.");
    text[strcspn(text, "\r\n")] = '\0';
    if (token_service_verify(&ctl->context, text, &caller, err) != 0)
        return -1;
    token_scopes_format(caller.scopes, scopes);
    printf("%s %s\n", caller.owner, scopes);
    return 0;
}
