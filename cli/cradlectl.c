/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl: the administrator's command. The table of what it can do, and nothing else. */
#include "cli/ctl.h"
#include "cli/ctl_backup.h"
#include "cli/ctl_status.h"

/* clang-format off */
static const struct ctl_command commands[] = {
    { "status", NULL, "", ctl_status, "say whether the server is there and the login works" },
    { "backup", NULL, "FILE", ctl_backup, "download a sealed backup of the whole catalog" },
    { NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

int main(int argc, char **argv)
{
    return ctl_main(argc, argv, commands);
}
