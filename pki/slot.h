/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates in a handset's configuration (R22): which parameter is a slot of which kind, what its
 * value holds, and which kind of slot a use may take. UC Software has two platform slots (Wi-Fi,
 * provisioning, CMS, XML API) and six application slots (SIP, syslog, LDAP, browser). Floor 1; pure; any
 * thread. */
#ifndef CRADLE_SLOT_H
#define CRADLE_SLOT_H

#include "base/buf.h"
#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

enum slot_kind { SLOT_PLATFORM, SLOT_APPLICATION };
enum slot_part { SLOT_CA, SLOT_DEVICE, SLOT_KEY };

#define SLOT_NUMBERS 6 /* a slot's number is from 1 to this; a platform slot's 1 or 2 */
struct slot {
    enum slot_kind kind;
    enum slot_part part;
    unsigned number;
};

/* "device.sec.TLS.customCaCert1" and its like. False for every other parameter, and for their ".set". */
bool slot_parse(const char *parameter, struct slot *ret_slot);
/* Does the parameter choose ("sec.TLS.profileSelection.SIP") a profile ("PlatformProfile1") of the wrong
 * kind? */
bool slot_misused(const char *parameter, const char *value);

#define SLOT_PEM_LIMIT 65536
/* The certificates in a parameter's value, each as a proper PEM block, whatever became of the line ends:
 * kept, made blanks, or left out. Adds to `out`. *ret_count: how many; 0 also when one of them is no base64.
 * FAULT_TOO_LARGE (out's limit), FAULT_MEMORY. */
enum fault_code slot_certificates(const char *value, struct buf *out, size_t *ret_count, struct fault *f);

#endif
