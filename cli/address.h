/* SPDX-License-Identifier: Apache-2.0 */
/* Looks a server's name up once, so that a thousand handsets don't do it each. */
#ifndef CRADLE_ADDRESS_H
#define CRADLE_ADDRESS_H

#include "base/fault.h"
#include <curl/curl.h>

/* Appends "host:port:address[,address]" (CURLOPT_RESOLVE) to *list, nothing for a numeric host. FAULT_INPUT
 * when the URL cannot be read or the name is not known. */
enum fault_code address_look_up(const char *url, struct curl_slist **list, struct fault *f);

#endif
