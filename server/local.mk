# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += server/libserver.a
server_libserver_a_SOURCES = \
	server/accounts.c \
	server/accounts.h \
	server/admit.c \
	server/admit.h \
	server/basic.c \
	server/basic.h \
	server/certificates.c \
	server/certificates.h \
	server/checks.c \
	server/checks.h \
	server/condition.c \
	server/condition.h \
	server/connection.c \
	server/connection.h \
	server/drain.c \
	server/drain.h \
	server/exchange.c \
	server/exchange.h \
	server/field.c \
	server/field.h \
	server/files.c \
	server/files.h \
	server/gate.c \
	server/gate.h \
	server/guard.c \
	server/guard.h \
	server/handsets.c \
	server/handsets.h \
	server/https.c \
	server/https.h \
	server/logs.c \
	server/logs.h \
	server/park.c \
	server/park.h \
	server/query.c \
	server/query.h \
	server/range.c \
	server/range.h \
	server/refusals.c \
	server/refusals.h \
	server/reply.c \
	server/reply.h \
	server/request.h \
	server/respond.c \
	server/respond.h \
	server/route.c \
	server/route.h \
	server/suspects.c \
	server/suspects.h \
	server/trail.c \
	server/trail.h \
	server/seals.c \
	server/seals.h \
	server/upkeep.c \
	server/upkeep.h

sbin_PROGRAMS += cradled
cradled_SOURCES = \
	server/command.h \
	server/command_audit.c \
	server/command_demo.c \
	server/command_init.c \
	server/command_restore.c \
	server/load.c \
	server/load.h \
	server/main.c \
	server/preflight.c \
	server/preflight.h \
	server/reload.c \
	server/reload.h \
	server/serve.c \
	server/serve.h \
	server/watch.c \
	server/watch.h
cradled_LDADD = server/libserver.a ftps/libftps.a fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a \
	$(MICROHTTPD_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(SQLITE_LIBS) $(UV_LIBS) $(EXPAT_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS)
