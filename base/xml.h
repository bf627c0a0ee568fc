/* SPDX-License-Identifier: Apache-2.0 */
/* Is an upload well-formed XML (XML 1.0), and which attributes does it have? Fed in pieces of any size; keeps
 * no content. The only user of expat. Refuses a DOCTYPE (no handset file has one; entities are how XML
 * attacks its reader), more than XML_DEPTH levels and what expat calls an attack. Floor 0; an object belongs
 * to one thread at a time. */
#ifndef CRADLE_XML_H
#define CRADLE_XML_H

#include "base/fault.h"
#include <stddef.h>

#define XML_DEPTH 64

struct xml_check;
struct xml_check *xml_check_new(void); /* NULL if out of memory */
/* From now on told of every attribute of every element, in the order of the file, while there is no error:
 * UTF-8, references replaced, line ends and tabs that are no references made blanks (XML 1.0, 3.3.3). The
 * texts are borrowed until the call returns. Call it before the first piece. */
typedef void xml_attribute(void *user, const char *name, const char *value);
void xml_check_attributes(struct xml_check *check, xml_attribute *attribute, void *user);
/* FAULT_CONTENT with "line L, column C: words" (both from 1) at the first error; later calls repeat it. */
enum fault_code xml_check_feed(struct xml_check *check, const void *data, size_t n, struct fault *f);
enum fault_code xml_check_finish(struct xml_check *check, struct fault *f);
void xml_check_free(struct xml_check *check); /* takes NULL */

#endif
