# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += ftps/libftps.a
ftps_libftps_a_SOURCES = \
	ftps/address.c \
	ftps/address.h \
	ftps/command.c \
	ftps/command.h \
	ftps/command_data.c \
	ftps/command_file.c \
	ftps/command_info.c \
	ftps/command_login.c \
	ftps/data.c \
	ftps/data.h \
	ftps/dispatch.c \
	ftps/dispatch.h \
	ftps/ftps.c \
	ftps/ftps.h \
	ftps/job.c \
	ftps/job.h \
	ftps/line.c \
	ftps/line.h \
	ftps/list.c \
	ftps/list.h \
	ftps/port.c \
	ftps/port.h \
	ftps/reply.c \
	ftps/reply.def \
	ftps/reply.h \
	ftps/session.c \
	ftps/session.h \
	ftps/session_end.c \
	ftps/shard.c \
	ftps/shard.h \
	ftps/transfer.c \
	ftps/transfer.h \
	ftps/unclean.c \
	ftps/unclean.h
