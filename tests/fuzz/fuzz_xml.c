/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on an XML file does not depend on the pieces it comes in. */
#include "base/xml.h"
#include "tests/fuzz/fuzz.h"

static enum fault_code verdict(const uint8_t *data, size_t n, size_t piece)
{
    struct xml_check *check = xml_check_new();
    HOLDS(check != NULL);
    for (size_t at = 0; at < n; at += piece)
        xml_check_feed(check, data + at, n - at < piece ? n - at : piece, NULL);
    struct fault f = { FAULT_OK, "" };
    enum fault_code code = xml_check_finish(check, &f);
    HOLDS(code == f.code && (code == FAULT_OK || code == FAULT_CONTENT) && fuzz_is_clean(f.text));
    xml_check_free(check);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum fault_code whole = verdict(data, n, n > 0 ? n : 1);
    HOLDS(verdict(data, n, 1) == whole && verdict(data, n, 7) == whole);
    return 0;
}
