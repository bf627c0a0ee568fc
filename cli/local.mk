# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += cli/libcli.a
cli_libcli_a_SOURCES = \
	cli/address.c \
	cli/address.h \
	cli/client.c \
	cli/client.h \
	cli/ctl.c \
	cli/ctl.h \
	cli/ctl_account.c \
	cli/ctl_account.h \
	cli/ctl_audit.c \
	cli/ctl_audit.h \
	cli/ctl_backup.c \
	cli/ctl_backup.h \
	cli/ctl_handset.c \
	cli/ctl_handset.h \
	cli/ctl_lost.c \
	cli/ctl_pages.c \
	cli/ctl_pki.h \
	cli/ctl_pki_base.c \
	cli/ctl_pki_base.h \
	cli/ctl_pki_issue.c \
	cli/ctl_pki_keep.c \
	cli/ctl_pki_look.c \
	cli/ctl_pki_make.c \
	cli/ctl_pki_revoke.c \
	cli/ctl_pki_revoke.h \
	cli/ctl_check.c \
	cli/ctl_check.h \
	cli/ctl_fleet.c \
	cli/ctl_fleet.h \
	cli/ctl_verify.c \
	cli/ctl_print.c \
	cli/ctl_seal.c \
	cli/ctl_seal.h \
	cli/ctl_status.c \
	cli/ctl_status.h \
	cli/ctl_suspects.c \
	cli/ctl_suspects.h \
	cli/diary.c \
	cli/diary.h \
	cli/expect.c \
	cli/expect.h \
	cli/intake.c \
	cli/intake.h \
	cli/live.c \
	cli/live.h \
	cli/master.c \
	cli/master.h \
	cli/options.c \
	cli/options.h \
	cli/player.c \
	cli/player.h \
	cli/prompt.c \
	cli/prompt.h \
	cli/report.c \
	cli/report.h \
	cli/roster.c \
	cli/roster.h \
	cli/site.c \
	cli/site.h \
	cli/trace.c \
	cli/trace.h \
	cli/transfer.c \
	cli/transfer.h

bin_PROGRAMS += cradle-handset
cradle_handset_SOURCES = cli/handset.c
cradle_handset_LDADD = cli/libcli.a base/libbase.a $(CURL_LIBS) $(JANSSON_LIBS) $(EXPAT_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(UV_LIBS) $(CRYPT_LIBS)

bin_PROGRAMS += cradlectl
cradlectl_SOURCES = cli/cradlectl.c
cradlectl_LDADD = cli/libcli.a pki/libpki.a base/libbase.a $(CURL_LIBS) $(JANSSON_LIBS) $(EXPAT_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(UV_LIBS) $(CRYPT_LIBS)
