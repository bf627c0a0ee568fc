# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += pki/libpki.a
pki_libpki_a_SOURCES = \
	pki/make.c \
	pki/make.h
