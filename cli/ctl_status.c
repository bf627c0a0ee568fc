/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_status.h"

#include <stdio.h>

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    json_t *answer = NULL;
    int status = ctl_read(ctl, argc, argv, NULL, 0, 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (ctl_call(ctl, "GET", NULL, &answer, &f, "/handsets?limit=1") != FAULT_OK)
        return ctl_failed(&f);
    json_decref(answer);
    json_t *said = json_pack("{s:s, s:s}", "server", "answers", "login", "accepted, as an administrator");
    ctl_print_object(ctl, said);
    json_decref(said);
    return CTL_GOOD;
}
