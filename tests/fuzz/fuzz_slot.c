/* SPDX-License-Identifier: Apache-2.0 */
/* From a handset's configuration file to the certificates in it: what comes out of a value is proper PEM, as
 * many blocks as were counted, and comes out of itself unchanged; a file's slots do not depend on the pieces
 * it comes in. */
#include "base/xml.h"
#include "pki/pem.h"
#include "pki/slot.h"
#include "tests/fuzz/fuzz.h"

static size_t proper(const char *value)
{
    struct buf once, twice;
    size_t count = 0, again = 0;
    buf_init(&once, SLOT_PEM_LIMIT);
    buf_init(&twice, SLOT_PEM_LIMIT);
    if (slot_certificates(value, &once, &count, NULL) == FAULT_OK && count > 0) {
        struct pem pem;
        HOLDS(pem_read(once.data, once.used, &pem, NULL) == FAULT_OK);
        HOLDS(pem.count == count && pem.text_line == 0 && pem.blank_line == 0 && pem.return_line == 0);
        for (size_t i = 0; i < pem.count; i++)
            HOLDS(pem.block[i].whole && pem_is_certificate(&pem.block[i]));
        pem_fini(&pem);
        HOLDS(slot_certificates(once.data, &twice, &again, NULL) == FAULT_OK);
        HOLDS(again == count && twice.used == once.used && memcmp(once.data, twice.data, once.used) == 0);
    } else {
        HOLDS(once.used == 0 || count == 0);
    }
    buf_fini(&once);
    buf_fini(&twice);
    return count;
}

struct seen {
    size_t slots, misused, certificates;
};

static void on_attribute(void *user, const char *name, const char *value)
{
    struct seen *seen = user;
    struct slot slot;
    seen->misused += slot_misused(name, value);
    if (!slot_parse(name, &slot))
        return;
    HOLDS(slot.number >= 1 && slot.number <= (slot.kind == SLOT_PLATFORM ? 2 : SLOT_NUMBERS));
    seen->slots++;
    seen->certificates += proper(value);
}

static struct seen walk(const uint8_t *data, size_t n, size_t piece)
{
    struct seen seen = { 0 };
    struct xml_check *check = xml_check_new();
    HOLDS(check != NULL);
    xml_check_attributes(check, on_attribute, &seen);
    for (size_t at = 0; at < n; at += piece)
        xml_check_feed(check, data + at, n - at < piece ? n - at : piece, NULL);
    xml_check_finish(check, NULL);
    xml_check_free(check);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct seen whole = walk(data, n, n > 0 ? n : 1), pieces = walk(data, n, 7);
    HOLDS(whole.slots == pieces.slots && whole.misused == pieces.misused &&
          whole.certificates == pieces.certificates);
    char *value = malloc(n + 1);
    HOLDS(value != NULL);
    if (n > 0)
        memcpy(value, data, n);
    value[n] = '\0';
    proper(value);
    free(value);
    return 0;
}
