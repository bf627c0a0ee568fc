/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of cradled: one table (settings.def), one immutable snapshot, `name = value` lines.
 *
 * In the file: blank lines and lines that begin with '#' are skipped; names and values are trimmed; a name
 * twice is an error. SIZE takes K, M, G (powers of 1024); TIME takes ms, s, m, h, d and without a unit means
 * seconds. Relative paths are relative to the folder of the settings file. Floor 0; a snapshot is read by any
 * thread and never changes. */
#ifndef CRADLE_SETTINGS_H
#define CRADLE_SETTINGS_H

#include "base/fault.h"
#include "base/log.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum settings_factors { FACTORS_PASSWORD, FACTORS_CERTIFICATE, FACTORS_EITHER, FACTORS_BOTH };
enum settings_binding { BINDING_REQUIRE, BINDING_PREFER, BINDING_ADDRESS };

#define SETTINGS_LISTEN_MAX 8
struct settings_listen {
    size_t count;
    struct {
        char host[64]; /* numeric address without brackets */
        uint16_t port; /* 0: the system chooses (tests) */
    } at[SETTINGS_LISTEN_MAX];
};
struct settings_ports {
    uint16_t low, high; /* low <= high */
};

/* The C type of each kind. PATH, KEY and TEXT are NUL-terminated; SIZE in bytes, TIME in milliseconds. KEY is
 * a PATH or a pkcs11: URI, which may hold a PIN: never show it. MASTER is one of these or credential:NAME. */
typedef char settings_kind_PATH[512];
typedef char settings_kind_KEY[512];
typedef char settings_kind_MASTER[512];
typedef char settings_kind_TEXT[512];
typedef int64_t settings_kind_SIZE;
typedef int64_t settings_kind_TIME;
typedef int64_t settings_kind_NUMBER;
typedef struct settings_listen settings_kind_LISTEN;
typedef struct settings_ports settings_kind_PORTS;
typedef enum settings_factors settings_kind_FACTORS;
typedef enum settings_binding settings_kind_BINDING;
typedef int64_t settings_kind_VERSION; /* of TLS: 10 for 1.0 … 13, as enum tls_version */
typedef enum log_level settings_kind_LEVEL;

struct settings {
#define X(name, kind, default_value, min, max, when, help) settings_kind_##kind name;
#include "base/settings.def"
#undef X
};

/* Defaults, then the file (NULL: none), then overrides ("name=value" texts, for the command line and tests; a
 * later one wins, relative paths start from the working folder), then what follows from them (master_key). In
 * a snapshot every PATH is absolute or empty (a KEY too, if it is no URI), and unclean_close is in lower case
 * without blanks. Each error names file, line and remedy: FAULT_INPUT, FAULT_ABSENT, FAULT_IO. The snapshot
 * is given: settings_free it.
 */
enum fault_code settings_load(const char *file, const char *const *overrides, size_t n_overrides,
                              struct settings **ret_settings, struct fault *f);
void settings_free(struct settings *settings); /* wipes; takes NULL */
bool settings_equal(const struct settings *a, const struct settings *b);
/* Puts the running values back into a fresh snapshot where they can only be changed by a restart. Gives how
 * many differed, and the names of the first `max`. */
size_t settings_keep_started(struct settings *fresh, const struct settings *running, const char **ret_names,
                             size_t max);
/* The files that are read again at a reload: each PATH and KEY that takes effect then and is set. Gives how
 * many, at most `max`; borrowed from the snapshot. */
#define SETTINGS_FILES_MAX 32
size_t settings_files(const struct settings *settings, const char **ret_files, size_t max);
/* The table as a commented settings file with every default: etc/cradled.conf is this. */
void settings_print(FILE *out);

#endif
