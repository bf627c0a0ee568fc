# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += db/libdb.a
db_libdb_a_SOURCES = db/db.c db/db.h db/engine.h db/inner.h db/sqlite.c db/sqlite.h \
	db/sqlite_file.c db/sqlite_index.c db/sqlite_schema.c \
	db/writer.c
nodist_db_libdb_a_SOURCES = db/sql.c db/sql.h

SQL_FILES = \
	$(srcdir)/db/sql/account.sql \
	$(srcdir)/db/sql/audit.sql \
	$(srcdir)/db/sql/backup.sql \
	$(srcdir)/db/sql/certificate.sql \
	$(srcdir)/db/sql/content.sql \
	$(srcdir)/db/sql/delivery.sql \
	$(srcdir)/db/sql/file.sql \
	$(srcdir)/db/sql/handset.sql \
	$(srcdir)/db/sql/key.sql \
	$(srcdir)/db/sql/log.sql \
	$(srcdir)/db/sql/refusal.sql \
	$(srcdir)/db/sql/verify.sql
SQL_SCHEMA = \
	$(srcdir)/db/sql/schema/001.sql \
	$(srcdir)/db/sql/schema/002.sql \
	$(srcdir)/db/sql/schema/003.sql \
	$(srcdir)/db/sql/schema/004.sql \
	$(srcdir)/db/sql/schema/005.sql \
	$(srcdir)/db/sql/schema/006.sql
EXTRA_DIST += db/sql.awk $(SQL_FILES) $(SQL_SCHEMA)

BUILT_SOURCES += db/sql.h db/sql.c
CLEANFILES += db/sql.h db/sql.c
db/sql.h: $(srcdir)/db/sql.awk $(SQL_FILES) $(SQL_SCHEMA)
	$(AM_V_GEN)$(MKDIR_P) db && $(AWK) -v out=h -f $(srcdir)/db/sql.awk $(SQL_SCHEMA) $(SQL_FILES) >$@.new && mv $@.new $@
db/sql.c: $(srcdir)/db/sql.awk $(SQL_FILES) $(SQL_SCHEMA)
	$(AM_V_GEN)$(MKDIR_P) db && $(AWK) -v out=c -f $(srcdir)/db/sql.awk $(SQL_SCHEMA) $(SQL_FILES) >$@.new && mv $@.new $@
