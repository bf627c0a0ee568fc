/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl: the administrator's command. The table of what it can do, and nothing else. */
#include "cli/ctl.h"
#include "cli/ctl_audit.h"
#include "cli/ctl_backup.h"
#include "cli/ctl_pki.h"
#include "cli/ctl_status.h"

/* clang-format off */
static const struct ctl_command commands[] = {
    { "status", NULL, "", ctl_status, "say whether the server is there and the login works" },
    { "backup", NULL, "FILE", ctl_backup, "download a sealed backup of the whole catalog" },
    { "pki", "init", "", ctl_pki_init, "make a root CA and one intermediate for each role" },
    { "pki", "request", "NAME", ctl_pki_request, "make a server's key and certificate request" },
    { "pki", "sign", "PROFILE NAME CSR", ctl_pki_sign, "make a certificate for somebody's request" },
    { "pki", "issue", "PROFILE [NAME]…", ctl_pki_issue, "make keys and certificates in one step" },
    { "pki", "renew", "PROFILE [NAME]", ctl_pki_renew, "make another certificate for the same name" },
    { "pki", "revoke", "[PROFILE NAME]", ctl_pki_revoke, "revoke certificates and publish that" },
    { "pki", "crl", "[PROFILE]…", ctl_pki_crl, "make the lists of revocations anew" },
    { "pki", "chain", "FILE…", ctl_pki_chain, "put certificates into the order that handsets need" },
    { "pki", "show", "[FILE]…", ctl_pki_show, "tell what is in a file, or list what was signed" },
    { "pki", "trust-bundle", "", ctl_pki_trust_bundle, "write what a RADIUS server must trust, and whom" },
    { "audit", "list", "", ctl_audit_list, "list the records of the audit trail" },
    { "audit", "verify", "", ctl_audit_verify, "prove that no record of the audit trail was changed or removed" },
    { NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

int main(int argc, char **argv)
{
    return ctl_main(argc, argv, commands);
}
