/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys that live in a PKCS#11 token and never leave it: a smart card, an HSM, SoftHSM. A key is named
 * by its URI (RFC 7512). The PIN is the URI's own (pin-value, pin-source: a file that holds the PIN alone,
 * without a line end) or is read from a file each time that the token asks; it is never logged, nor is a URI
 * that could hold it. Floor 0; any thread once started.
 */
#ifndef CRADLE_TOKEN_H
#define CRADLE_TOKEN_H

#include "base/fault.h"
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

/* Does this setting name a key in a token, not a file? */
bool token_is_uri(const char *text);
/* Which module is used: a shared library, or "" for those that p11-kit is configured with (found at the first
 * use). After tls_init and before any other thread; the first module stays, later calls do nothing.
 * FAULT_INPUT: it cannot be loaded. */
enum fault_code token_start(const char *module, struct fault *f);
/* The URI as it may be shown: without what holds or leads to a PIN. Returns out. */
const char *token_shown(const char *uri, char *out, size_t size);
/* Finds a private key. pin_file: whose first line is the PIN, "" for none; kept until the key is gone,
 * borrowed. The key is given: gnutls_privkey_deinit. FAULT_INPUT with words and remedy. */
enum fault_code token_private_key(const char *uri, const char *pin_file, gnutls_privkey_t *ret_key,
                                  struct fault *f);

#endif
