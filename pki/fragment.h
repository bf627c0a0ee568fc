/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates as a piece of a handset's configuration (R22): UC Software has two platform slots (wireless,
 * CMS, XML API) and six application slots (SIP, syslog, LDAP, browser), each with a CA and a device
 * certificate, and profiles that say what uses which. What is certain about the parameters' names stands in
 * doc/certificates.md. Floor 1; any thread. */
#ifndef CRADLE_FRAGMENT_H
#define CRADLE_FRAGMENT_H

#include "base/buf.h"
#include "base/fault.h"

enum fragment_kind { FRAGMENT_PLATFORM, FRAGMENT_APPLICATION };
struct fragment_slot {
    enum fragment_kind kind;
    int number;      /* platform: 1–2, application: 1–6 */
    const char *use; /* a word of fragment_use, or NULL: nothing is chosen for the slot's profile */
};

/* "platform:1" … "application:6". FAULT_INPUT says what there is. */
enum fault_code fragment_slot(const char *text, struct fragment_slot *ret_slot, struct fault *f);
/* Says what the slot is for: wifi, provisioning, cms, xmlapi; sip, syslog, ldap, browser. FAULT_INPUT: no
 * such use, or one that this kind of slot does not serve. */
enum fault_code fragment_use(struct fragment_slot *slot, const char *word, struct fault *f);

/* Appends the XML: certificate, key and CA are PEM texts with their line ends. To be wiped: the key is in it.
 */
enum fault_code fragment_write(const struct fragment_slot *slot, const char *certificate, const char *key,
                               const char *ca, struct buf *out, struct fault *f);

#endif
