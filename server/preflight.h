/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's look at itself: the checker of pki/ on every certificate, key, bundle and CRL that the
 * settings name, before any of them is used, at start and at each reload. Floor 4; the main thread. */
#ifndef CRADLE_PREFLIGHT_H
#define CRADLE_PREFLIGHT_H

#include "base/fault.h"
#include "base/settings.h"
#include "pki/finding.h"

/* Adds all findings to the list. FAULT_MEMORY, and nothing else. */
enum fault_code preflight_look(const struct settings *settings, struct findings *findings, struct fault *f);
/* Looks, logs every finding (certificate.finding, certificate.note), and gives FAULT_INPUT when one is fatal,
 * with the words and the remedy of the first such. */
enum fault_code preflight(const struct settings *settings, struct fault *f);

#endif
