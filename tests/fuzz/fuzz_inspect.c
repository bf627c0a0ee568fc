/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on a configuration file does not depend on the pieces it comes in; what looks like XML is
 * judged as XML. */
#include "base/xml.h"
#include "fleet/inspect.h"
#include "tests/fuzz/fuzz.h"

static enum fault_code verdict(const char *data, size_t n, size_t piece, struct fault *f)
{
    struct inspect *inspect = inspect_new();
    HOLDS(inspect != NULL);
    *f = (struct fault){ FAULT_OK, "" };
    enum fault_code fed = FAULT_OK;
    for (size_t at = 0; at < n; at += piece) {
        enum fault_code code = inspect_feed(inspect, data + at, n - at < piece ? n - at : piece, f);
        HOLDS(fed == FAULT_OK || code == fed);
        fed = code;
    }
    enum fault_code code = inspect_finish(inspect, f);
    HOLDS(fed == FAULT_OK || code == fed);
    HOLDS(code == f->code && (code == FAULT_OK || code == FAULT_CONTENT));
    inspect_free(inspect);
    return code;
}

static enum fault_code xml_verdict(const char *data, size_t n)
{
    struct xml_check *check = xml_check_new();
    HOLDS(check != NULL);
    xml_check_feed(check, data, n, NULL);
    enum fault_code code = xml_check_finish(check, NULL);
    xml_check_free(check);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct fault whole, pieces;
    enum fault_code code = verdict(text, size, size > 0 ? size : 1, &whole);
    for (size_t piece = 1; piece <= INSPECT_HEAD + 1; piece = piece * 5 + 6)
        HOLDS(verdict(text, size, piece, &pieces) == code);
    if (size > 0 && text[0] == '<')
        HOLDS(code == xml_verdict(text, size));
    if (code == FAULT_OK && memmem(text, size, "Digest=", 7) == NULL)
        HOLDS(xml_verdict(text, size) == FAULT_OK);
    free(text);
    return 0;
}
