# SPDX-License-Identifier: Apache-2.0
dist_man_MANS = doc/cradle-handset.1 doc/cradlectl.1 doc/cradled.8 doc/cradled.conf.5
dist_doc_DATA = doc/audit.md doc/backup.md doc/capacity.md doc/certificates.md doc/events.md doc/faults.md doc/findings.md doc/format.md doc/guard.md doc/hostile.md doc/http-threads.md doc/openapi.yaml doc/performance.md \
	doc/performance-ftps.svg doc/performance-https.svg doc/tls.md
