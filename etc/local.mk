# SPDX-License-Identifier: Apache-2.0
demodir = $(pkgdatadir)/demo
dist_demo_DATA = \
	etc/demo/000000000000-directory.xml \
	etc/demo/000000000000.cfg \
	etc/demo/handset-ext.cfg \
	etc/demo/sip.ld \
	etc/demo/site.cfg
exampledir = $(docdir)/examples
dist_example_DATA = etc/cradled.conf
