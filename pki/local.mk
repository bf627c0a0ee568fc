# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += pki/libpki.a
pki_libpki_a_SOURCES = \
	pki/check.c \
	pki/check.h \
	pki/check_certificate.c \
	pki/check_inner.h \
	pki/check_key.c \
	pki/check_path.c \
	pki/check_set.c \
	pki/finding.c \
	pki/finding.def \
	pki/finding.h \
	pki/make.c \
	pki/make.h \
	pki/pem.c \
	pki/pem.h
