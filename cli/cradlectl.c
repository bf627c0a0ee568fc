/* SPDX-License-Identifier: Apache-2.0 */
/* cradlectl: the administrator's command. The table of what it can do, and nothing else. */
#include "cli/ctl.h"
#include "cli/ctl_account.h"
#include "cli/ctl_audit.h"
#include "cli/ctl_backup.h"
#include "cli/ctl_check.h"
#include "cli/ctl_handset.h"
#include "cli/ctl_pki.h"
#include "cli/ctl_seal.h"
#include "cli/ctl_status.h"
#include "cli/ctl_suspects.h"

/* clang-format off */
static const struct ctl_command commands[] = {
    { "status", NULL, "", ctl_status, "say whether the server is there and the login works" },
    { "handset", "list", "", ctl_handset_list, "list the handsets of the fleet" },
    { "handset", "show", "MAC", ctl_handset_show, "tell what is known of a handset" },
    { "handset", "add", "MAC", ctl_handset_add, "register a handset" },
    { "handset", "change", "MAC", ctl_handset_change, "change what is allowed to a handset" },
    { "handset", "remove", "MAC", ctl_handset_remove, "take a handset and its accounts out of the fleet" },
    { "handset", "lost", "MAC", ctl_handset_lost, "deny a lost handset everything, and list its secrets" },
    { "handset", "found", "MAC", ctl_handset_found, "let a lost handset back in" },
    { "account", "list", "", ctl_account_list, "list accounts" },
    { "account", "add", "NAME", ctl_account_add, "add an account" },
    { "account", "password", "NAME", ctl_account_password, "give an account another password" },
    { "account", "enable", "NAME", ctl_account_enable, "let an account in again" },
    { "account", "disable", "NAME", ctl_account_disable, "keep an account out" },
    { "account", "remove", "NAME", ctl_account_remove, "remove an account" },
    { "certificate", "list", "", ctl_certificate_list, "list client certificates that were seen or revoked" },
    { "certificate", "revoke", "FINGERPRINT", ctl_certificate_revoke, "shut a client certificate out for good" },
    { "refusals", NULL, "", ctl_refusals, "list the clients that refuse the server's certificate" },
    { "suspects", NULL, "", ctl_suspects, "list who is slowed down and where clients come from, or lift delays" },
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
    { "pki", "check", "[FILE]…", ctl_check, "say what is wrong with certificates: in files, on a server, for the fleet" },
    { "audit", "list", "", ctl_audit_list, "list the records of the audit trail" },
    { "audit", "verify", "", ctl_audit_verify, "prove that no record of the audit trail was changed or removed" },
    { "seal", "status", "", ctl_seal_status, "show the data keys, and how far re-sealing is" },
    { "seal", "rotate", "[--wait]", ctl_seal_rotate, "make a new data key; what is stored is re-sealed in the background" },
    { "seal", "rewrap", "", ctl_seal_rewrap, "wrap the data keys under a new master key" },
    { "verify", NULL, "", ctl_verify, "have the server verify everything that it stores" },
    { NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

int main(int argc, char **argv)
{
    return ctl_main(argc, argv, commands);
}
