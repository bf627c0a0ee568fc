/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of cradled that need the catalog itself and no listener. Floor 4; the main thread, before
 * any other is started. Each prints its error in plain words and gives the exit status. */
#ifndef CRADLE_COMMAND_H
#define CRADLE_COMMAND_H

#include "base/settings.h"
#include <stdbool.h>

#define COMMAND_OK     0
#define COMMAND_FAILED 1
#define COMMAND_USAGE  2

/* Makes the state and its first administrator. The password is the first line of password_file, or of
 * standard input when that is NULL. The audit trail's verification key goes to audit_key_file, or is printed
 * when that is NULL. */
int command_init(const struct settings *settings, const char *administrator, const char *password_file,
                 const char *audit_key_file);

/* Begins a new chain of the audit trail and hands its verification key out, into `file` or on standard
 * output. */
int command_audit_key(const struct settings *settings, const char *file);
/* The same on an open fleet, silently when there is a file. FAULT_CONFLICT: the file exists. */
struct fault;
struct fleet;
enum fault_code command_hand_out(struct fleet *fleet, const char *file, struct fault *f);
/* Says where the key is, and what to do with it; nothing when file is NULL. */
void command_say_key(const char *file);

/* Puts a backup into the catalog's place, and says what is different from before. with_damage: also one in
 * which contents are damaged. */
int command_restore(const struct settings *settings, const char *file, bool with_damage);
/* Looks at everything in a backup, or in the stopped catalog (file NULL). COMMAND_FAILED: something is
 * damaged. */
int command_verify(const struct settings *settings, const char *file);

/* Makes a whole demo site in `folder` (a CA, certificates, settings, accounts, sample files from `samples`)
 * and writes folder/demo.env last; does nothing when that is there already. */
int command_demo(const char *folder, const char *samples);

/* Prints "cradled: …" with the fault's text to standard error; gives COMMAND_FAILED. */
int command_failed(const struct fault *f);

#endif
