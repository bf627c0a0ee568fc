/* SPDX-License-Identifier: Apache-2.0 */
/* Handing out the audit trail's verification key: once, when its chain begins. */
#include "server/command.h"

#include "base/disk.h"
#include "base/mem.h"
#include "fleet/audit.h"
#include "fleet/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is there already is somebody's key: it is never overwritten. */
static enum fault_code write_key(const char *file, const char *line, struct fault *f)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fault_set(f, FAULT_CONFLICT, "%s exists already and is never overwritten: name another file",
                         file);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot make %s: %s", file, strerror(errno));
    size_t n = strlen(line);
    errno = EIO;
    bool worked = disk_write(fd, line, n) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (worked)
        return FAULT_OK;
    unlink(file);
    return fault_set(f, FAULT_IO, "cannot write %s: %s", file, strerror(why));
}

enum fault_code command_hand_out(struct fleet *fleet, const char *file, struct fault *f)
{
    struct chain_key key;
    char text[CHAIN_KEY_TEXT + 1] = "";
    enum fault_code code = audit_offer(fleet, &key, f);
    if (code == FAULT_OK) {
        chain_key_print(&key, text);
        strncat(text, "\n", 2);
    }
    /* Before the chain begins: a key that nobody can begin with is better than a chain that nobody has the
     * key of. */
    if (code == FAULT_OK && file != NULL)
        code = write_key(file, text, f);
    if (code == FAULT_OK) {
        code = audit_renew(fleet, &key, f);
        if (code != FAULT_OK && file != NULL)
            unlink(file);
    }
    if (code == FAULT_OK && file == NULL)
        printf(
            "The audit trail's verification key, shown this once and kept nowhere on this server:\n\n    %s\n"
            "Keep it in a file on another machine: `cradlectl audit verify --key-file FILE` proves with it "
            "that no "
            "record was changed or removed.\n",
            text);
    fflush(stdout);
    mem_wipe(&key, sizeof key);
    mem_wipe(text, sizeof text);
    return code;
}

void command_say_key(const char *file)
{
    if (file != NULL)
        printf("The audit trail's verification key is in %s: move it to another machine, for whoever takes "
               "this server "
               "over could use it. `cradlectl audit verify` proves with it that no record was changed or "
               "removed.\n",
               file);
}

int command_audit_key(const struct settings *settings, const char *file)
{
    struct fault f;
    struct fleet *fleet = NULL;
    enum fault_code code = fleet_open(settings, &fleet, &f);
    if (code == FAULT_OK)
        code = command_hand_out(fleet, file, &f);
    fleet_close(fleet);
    if (code == FAULT_OK)
        command_say_key(file);
    return code == FAULT_OK ? COMMAND_OK : command_failed(&f);
}
