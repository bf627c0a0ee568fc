# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += base/libbase.a
base_libbase_a_SOURCES = \
	base/archive.c \
	base/archive.h \
	base/banned.h \
	base/buf.c \
	base/buf.h \
	base/clock.c \
	base/clock.h \
	base/fault.c \
	base/fault.h \
	base/log.c \
	base/log.def \
	base/log.h \
	base/loop.c \
	base/loop.h \
	base/mac.c \
	base/mac.h \
	base/mem.c \
	base/mem.h \
	base/path.c \
	base/path.h \
	base/seal.c \
	base/seal.h \
	base/secret.c \
	base/secret.h \
	base/settings.c \
	base/settings.def \
	base/settings.h \
	base/stream.c \
	base/stream.h \
	base/tls.c \
	base/tls.h \
	base/tls_file.c \
	base/tls_file.h \
	base/tls_recall.c \
	base/tls_recall.h \
	base/tls_trust.c \
	base/utf.c \
	base/utf.h \
	base/value.c \
	base/value.h \
	base/work.c \
	base/work.h \
	base/xml.c \
	base/xml.h
