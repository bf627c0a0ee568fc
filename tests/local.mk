# SPDX-License-Identifier: Apache-2.0
# Unit tests link their own floor and those below it, and no other.

BASE_TEST_LIBS = base/libbase.a $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
DB_TEST_LIBS = db/libdb.a base/libbase.a $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
PKI_TEST_LIBS = pki/libpki.a base/libbase.a $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
FLEET_TEST_LIBS = fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
FTPS_TEST_LIBS = ftps/libftps.a fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
SERVER_TEST_LIBS = server/libserver.a fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a $(MICROHTTPD_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
CLI_TEST_LIBS = cli/libcli.a pki/libpki.a base/libbase.a $(CURL_LIBS) $(JANSSON_LIBS) $(EXPAT_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)

UNIT_TESTS =
if HAVE_CMOCKA
UNIT_TESTS += \
	tests/unit/base/test_archive \
	tests/unit/base/test_buf \
	tests/unit/base/test_chain \
	tests/unit/base/test_clock \
	tests/unit/base/test_fault \
	tests/unit/base/test_log \
	tests/unit/base/test_loop \
	tests/unit/base/test_mac \
	tests/unit/base/test_path \
	tests/unit/base/test_proof \
	tests/unit/base/test_seal \
	tests/unit/base/test_secret \
	tests/unit/base/test_settings \
	tests/unit/base/test_signer \
	tests/unit/base/test_stream \
	tests/unit/base/test_tap \
	tests/unit/base/test_tls \
	tests/unit/base/test_trust \
	tests/unit/base/test_token \
	tests/unit/base/test_utf \
	tests/unit/base/test_value \
	tests/unit/base/test_work \
	tests/unit/base/test_xml
tests_unit_base_test_archive_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_buf_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_chain_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_clock_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_fault_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_log_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_loop_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_mac_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_path_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_proof_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_seal_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_secret_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_settings_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_signer_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_stream_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_tap_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_tls_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_trust_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_token_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_utf_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_value_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_work_LDADD = $(BASE_TEST_LIBS)
tests_unit_base_test_xml_LDADD = $(BASE_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/db/test_crash \
	tests/unit/db/test_read \
	tests/unit/db/test_write \
	tests/unit/db/test_schema \
	tests/unit/db/test_snapshot \
	tests/unit/db/test_sql
tests_unit_db_test_crash_LDADD = $(DB_TEST_LIBS)
tests_unit_db_test_read_LDADD = $(DB_TEST_LIBS)
tests_unit_db_test_write_LDADD = $(DB_TEST_LIBS)
tests_unit_db_test_schema_LDADD = $(DB_TEST_LIBS)
tests_unit_db_test_snapshot_LDADD = $(DB_TEST_LIBS)
tests_unit_db_test_sql_LDADD = $(DB_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/pki/test_bag \
	tests/unit/pki/test_batch \
	tests/unit/pki/test_bundle \
	tests/unit/pki/test_check \
	tests/unit/pki/test_crl \
	tests/unit/pki/test_der \
	tests/unit/pki/test_explain \
	tests/unit/pki/test_file \
	tests/unit/pki/test_finding \
	tests/unit/pki/test_found \
	tests/unit/pki/test_fragment \
	tests/unit/pki/test_issue \
	tests/unit/pki/test_key \
	tests/unit/pki/test_ledger \
	tests/unit/pki/test_make \
	tests/unit/pki/test_mill \
	tests/unit/pki/test_mint \
	tests/unit/pki/test_names \
	tests/unit/pki/test_order \
	tests/unit/pki/test_pem \
	tests/unit/pki/test_profile \
	tests/unit/pki/test_renew \
	tests/unit/pki/test_request \
	tests/unit/pki/test_revoke \
	tests/unit/pki/test_store
tests_unit_pki_test_bag_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_batch_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_bundle_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_check_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_crl_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_der_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_explain_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_file_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_finding_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_found_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_fragment_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_issue_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_key_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_ledger_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_pem_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_make_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_mill_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_mint_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_names_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_order_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_profile_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_renew_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_request_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_revoke_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_store_LDADD = $(PKI_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/pki/test_check_slot \
	tests/unit/pki/test_slot \
	tests/unit/pki/test_vouch
tests_unit_pki_test_check_slot_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_slot_LDADD = $(PKI_TEST_LIBS)
tests_unit_pki_test_vouch_LDADD = $(PKI_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/fleet/test_account \
	tests/unit/fleet/test_audit \
	tests/unit/fleet/test_bearer \
	tests/unit/fleet/test_cache \
	tests/unit/fleet/test_equal \
	tests/unit/fleet/test_certificate \
	tests/unit/fleet/test_census \
	tests/unit/fleet/test_content \
	tests/unit/fleet/test_evict \
	tests/unit/fleet/test_fleet \
	tests/unit/fleet/test_crowd \
	tests/unit/fleet/test_flood \
	tests/unit/fleet/test_grant \
	tests/unit/fleet/test_guess \
	tests/unit/fleet/test_handset \
	tests/unit/fleet/test_inspect \
	tests/unit/fleet/test_layer \
	tests/unit/fleet/test_logbook \
	tests/unit/fleet/test_login \
	tests/unit/fleet/test_lost \
	tests/unit/fleet/test_master \
	tests/unit/fleet/test_memory \
	tests/unit/fleet/test_origin \
	tests/unit/fleet/test_refusal \
	tests/unit/fleet/test_reseal \
	tests/unit/fleet/test_segment \
	tests/unit/fleet/test_sighting \
	tests/unit/fleet/test_tally \
	tests/unit/fleet/test_throttle \
	tests/unit/fleet/test_tree \
	tests/unit/fleet/test_tree_logs \
	tests/unit/fleet/test_trouble \
	tests/unit/fleet/test_trusting \
	tests/unit/fleet/test_upload \
	tests/unit/fleet/test_vault
tests_unit_fleet_test_account_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_audit_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_flood_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_tally_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_bearer_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_cache_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_equal_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_certificate_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_census_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_content_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_evict_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_fleet_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_crowd_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_grant_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_guess_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_handset_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_inspect_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_layer_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_logbook_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_login_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_lost_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_master_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_memory_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_origin_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_refusal_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_reseal_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_segment_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_sighting_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_throttle_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_tree_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_tree_logs_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_trusting_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_trouble_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_upload_LDADD = $(FLEET_TEST_LIBS)
tests_unit_fleet_test_vault_LDADD = $(FLEET_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/ftps/test_address \
	tests/unit/ftps/test_command \
	tests/unit/ftps/test_line \
	tests/unit/ftps/test_list \
	tests/unit/ftps/test_port \
	tests/unit/ftps/test_reply \
	tests/unit/ftps/test_session \
	tests/unit/ftps/test_unclean
tests_unit_ftps_test_address_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_command_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_line_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_list_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_port_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_reply_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_session_LDADD = $(FTPS_TEST_LIBS)
tests_unit_ftps_test_unclean_LDADD = $(FTPS_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/server/test_basic \
	tests/unit/server/test_condition \
	tests/unit/server/test_field \
	tests/unit/server/test_guard \
	tests/unit/server/test_query \
	tests/unit/server/test_range \
	tests/unit/server/test_reply \
	tests/unit/server/test_route \
	tests/unit/server/test_watch
tests_unit_server_test_basic_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_condition_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_field_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_guard_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_query_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_range_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_reply_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_route_LDADD = $(SERVER_TEST_LIBS)
tests_unit_server_test_watch_LDADD = $(SERVER_TEST_LIBS)
UNIT_TESTS += \
	tests/unit/cli/test_ctl \
	tests/unit/cli/test_diary \
	tests/unit/cli/test_expect \
	tests/unit/cli/test_live \
	tests/unit/cli/test_master \
	tests/unit/cli/test_options \
	tests/unit/cli/test_report \
	tests/unit/cli/test_roster \
	tests/unit/cli/test_trace
tests_unit_cli_test_ctl_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_diary_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_live_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_expect_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_master_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_options_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_report_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_roster_LDADD = $(CLI_TEST_LIBS)
tests_unit_cli_test_trace_LDADD = $(CLI_TEST_LIBS)
endif
check_PROGRAMS += $(UNIT_TESTS)

# The corpora of the fuzzers are replayed; tests/fuzz/README.md tells how to fuzz for real.
REPLAY_TESTS = \
	tests/fuzz/replay_path \
	tests/fuzz/replay_mac \
	tests/fuzz/replay_names \
	tests/fuzz/replay_value \
	tests/fuzz/replay_utf \
	tests/fuzz/replay_chain \
	tests/fuzz/replay_clock \
	tests/fuzz/replay_secret \
	tests/fuzz/replay_seal \
	tests/fuzz/replay_archive \
	tests/fuzz/replay_settings \
	tests/fuzz/replay_xml \
	tests/fuzz/replay_slot \
	tests/fuzz/replay_grant \
	tests/fuzz/replay_bearer \
	tests/fuzz/replay_inspect \
	tests/fuzz/replay_agent \
	tests/fuzz/replay_etag \
	tests/fuzz/replay_line \
	tests/fuzz/replay_facts \
	tests/fuzz/replay_reply \
	tests/fuzz/replay_address \
	tests/fuzz/replay_basic \
	tests/fuzz/replay_json \
	tests/fuzz/replay_request \
	tests/fuzz/replay_session \
	tests/fuzz/replay_query \
	tests/fuzz/replay_range \
	tests/fuzz/replay_condition \
	tests/fuzz/replay_guard \
	tests/fuzz/replay_master \
	tests/fuzz/replay_roster \
	tests/fuzz/replay_trace \
	tests/fuzz/replay_batch \
	tests/fuzz/replay_ledger
tests_fuzz_replay_path_SOURCES = tests/fuzz/fuzz_path.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_path_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_mac_SOURCES = tests/fuzz/fuzz_mac.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_mac_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_value_SOURCES = tests/fuzz/fuzz_value.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_value_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_utf_SOURCES = tests/fuzz/fuzz_utf.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_utf_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_chain_SOURCES = tests/fuzz/fuzz_chain.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_chain_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_clock_SOURCES = tests/fuzz/fuzz_clock.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_clock_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_secret_SOURCES = tests/fuzz/fuzz_secret.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_secret_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_seal_SOURCES = tests/fuzz/fuzz_seal.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_seal_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_archive_SOURCES = tests/fuzz/fuzz_archive.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_archive_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_settings_SOURCES = tests/fuzz/fuzz_settings.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_settings_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_xml_SOURCES = tests/fuzz/fuzz_xml.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_xml_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_slot_SOURCES = tests/fuzz/fuzz_slot.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_slot_LDADD = $(PKI_TEST_LIBS)
tests_fuzz_replay_grant_SOURCES = tests/fuzz/fuzz_grant.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_grant_LDADD = $(FLEET_TEST_LIBS)
tests_fuzz_replay_bearer_SOURCES = tests/fuzz/fuzz_bearer.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_bearer_LDADD = $(FLEET_TEST_LIBS)
tests_fuzz_replay_inspect_SOURCES = tests/fuzz/fuzz_inspect.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_inspect_LDADD = $(FLEET_TEST_LIBS)
tests_fuzz_replay_agent_SOURCES = tests/fuzz/fuzz_agent.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_agent_LDADD = $(FLEET_TEST_LIBS)
tests_fuzz_replay_etag_SOURCES = tests/fuzz/fuzz_etag.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_etag_LDADD = $(FLEET_TEST_LIBS)
tests_fuzz_replay_line_SOURCES = tests/fuzz/fuzz_line.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_line_LDADD = $(FTPS_TEST_LIBS)
tests_fuzz_replay_facts_SOURCES = tests/fuzz/fuzz_facts.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_facts_LDADD = $(FTPS_TEST_LIBS)
tests_fuzz_replay_reply_SOURCES = tests/fuzz/fuzz_reply.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_reply_LDADD = $(FTPS_TEST_LIBS)
tests_fuzz_replay_address_SOURCES = tests/fuzz/fuzz_address.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_address_LDADD = $(FTPS_TEST_LIBS)
tests_fuzz_replay_basic_SOURCES = tests/fuzz/fuzz_basic.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_basic_LDADD = $(SERVER_TEST_LIBS)
FRONT_LIBS = server/libserver.a ftps/libftps.a fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a $(MICROHTTPD_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS) $(CMOCKA_LIBS)
tests_fuzz_replay_request_SOURCES = tests/fuzz/fuzz_request.c tests/fuzz/front.c tests/fuzz/front.h tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_request_LDADD = $(FRONT_LIBS)
tests_fuzz_replay_session_SOURCES = tests/fuzz/fuzz_session.c tests/fuzz/front.c tests/fuzz/front.h tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_session_LDADD = $(FRONT_LIBS)
tests_fuzz_replay_json_SOURCES = tests/fuzz/fuzz_json.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_json_LDADD = $(SERVER_TEST_LIBS)
tests_fuzz_replay_names_SOURCES = tests/fuzz/fuzz_names.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_names_LDADD = $(BASE_TEST_LIBS)
tests_fuzz_replay_query_SOURCES = tests/fuzz/fuzz_query.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_query_LDADD = $(SERVER_TEST_LIBS)
tests_fuzz_replay_range_SOURCES = tests/fuzz/fuzz_range.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_range_LDADD = $(SERVER_TEST_LIBS)
tests_fuzz_replay_condition_SOURCES = tests/fuzz/fuzz_condition.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_condition_LDADD = $(SERVER_TEST_LIBS)
tests_fuzz_replay_guard_SOURCES = tests/fuzz/fuzz_guard.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_guard_LDADD = $(SERVER_TEST_LIBS)
tests_fuzz_replay_master_SOURCES = tests/fuzz/fuzz_master.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_master_LDADD = $(CLI_TEST_LIBS)
tests_fuzz_replay_roster_SOURCES = tests/fuzz/fuzz_roster.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_roster_LDADD = $(CLI_TEST_LIBS)
tests_fuzz_replay_trace_SOURCES = tests/fuzz/fuzz_trace.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_trace_LDADD = $(CLI_TEST_LIBS)
tests_fuzz_replay_batch_SOURCES = tests/fuzz/fuzz_batch.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_batch_LDADD = $(PKI_TEST_LIBS)
tests_fuzz_replay_ledger_SOURCES = tests/fuzz/fuzz_ledger.c tests/fuzz/replay.c tests/fuzz/fuzz.h
tests_fuzz_replay_ledger_LDADD = $(PKI_TEST_LIBS)
check_PROGRAMS += $(REPLAY_TESTS)
CLEANFILES += crash-*

E2E_TESTS = \
	tests/e2e/test_alerts.py \
	tests/e2e/test_audit.py \
	tests/e2e/test_backup.py \
	tests/e2e/test_certificates.py \
	tests/e2e/test_command.py \
	tests/e2e/test_ctl.py \
	tests/e2e/test_ctl_fleet.py \
	tests/e2e/test_damage.py \
	tests/e2e/test_evict.py \
	tests/e2e/test_delivery.py \
	tests/e2e/test_files.py \
	tests/e2e/test_findings.py \
	tests/e2e/test_ftps.py \
	tests/e2e/test_guard.py \
	tests/e2e/test_hostile.py \
	tests/e2e/test_https.py \
	tests/e2e/test_identity.py \
	tests/e2e/test_kill.py \
	tests/e2e/test_logs.py \
	tests/e2e/test_lost.py \
	tests/e2e/test_pki.py \
	tests/e2e/test_plans.py \
	tests/e2e/test_ports.py \
	tests/e2e/test_radius.py \
	tests/e2e/test_refusals.py \
	tests/e2e/test_reload.py \
	tests/e2e/test_resend.py \
	tests/e2e/test_restore.py \
	tests/e2e/test_revoked.py \
	tests/e2e/test_scan.py \
	tests/e2e/test_seal.py \
	tests/e2e/test_simulator.py \
	tests/e2e/test_strangers.py \
	tests/e2e/test_tls.py \
	tests/e2e/test_upgrade.py \
	tests/e2e/test_uploads.py \
	tests/e2e/test_verify.py \
	tests/e2e/test_versions.py
# Faults (doc/faults.md): short here, long by `make fault`.
FAULT_TESTS = \
	tests/fault/test_arrival.py \
	tests/fault/test_inject.py \
	tests/fault/test_kills.py \
	tests/fault/test_power.py \
	tests/fault/test_world.py
LINT_TESTS = \
	tests/lint/test_house.py

TESTS = $(LINT_TESTS) $(UNIT_TESTS) $(REPLAY_TESTS) $(E2E_TESTS) $(FAULT_TESTS)
TEST_EXTENSIONS = .py
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	CRADLE_SRCDIR='$(abs_top_srcdir)'; export CRADLE_SRCDIR; \
	CRADLE_BUILDDIR='$(abs_top_builddir)'; export CRADLE_BUILDDIR; \
	AWK='$(AWK)'; export AWK; \
	PYTHON3='$(PYTHON3)'; export PYTHON3; \
	PYTHONPATH='$(abs_top_srcdir)/tests/e2e'; export PYTHONPATH;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
# pytest's exit status says nothing that its TAP lines do not.
PY_LOG_DRIVER = $(LOG_DRIVER)
AM_PY_LOG_DRIVER_FLAGS = --ignore-exit
PY_LOG_COMPILER = $(top_srcdir)/tests/e2e/run-pytest
$(E2E_TESTS:.py=.log) $(FAULT_TESTS:.py=.log) $(LINT_TESTS:.py=.log): cradled$(EXEEXT) cradle-handset$(EXEEXT) cradlectl$(EXEEXT)
$(FAULT_TESTS:.py=.log): tests/fault/preload.so tests/fault/starve.so

# Loaded into any cradled, also one with sanitizers: it has none of its own.
FAULT_CC = $(AM_V_CC)$(MKDIR_P) tests/fault && $(CC) -std=gnu11 -O1 -g -Wall -Wextra -fPIC -shared -o $@
tests/fault/preload.so: tests/fault/preload.c
	$(FAULT_CC) $(srcdir)/tests/fault/preload.c
tests/fault/starve.so: tests/fault/starve.c
	$(FAULT_CC) $(srcdir)/tests/fault/starve.c
CLEANFILES += tests/fault/preload.so tests/fault/starve.so
.PHONY: fault
fault: cradled$(EXEEXT) cradle-handset$(EXEEXT) cradlectl$(EXEEXT) tests/fault/preload.so tests/fault/starve.so
	$(AM_TESTS_ENVIRONMENT) CRADLE_FAULT_LONG=1 $(top_srcdir)/tests/e2e/run-pytest -s $(FAULT_TESTS:%=$(srcdir)/%)
EXTRA_DIST += $(FAULT_TESTS) tests/fault/preload.c tests/fault/starve.c tests/fault/world.py

# The benchmark against other servers (tests/bench/README.md). Not part of `make check`: figures are for people to judge.
EXTRA_PROGRAMS += tests/bench/bench-load
tests_bench_bench_load_SOURCES = tests/bench/load.c tests/bench/wire.c tests/bench/wire.h
tests_bench_bench_load_LDADD = -lssl -lcrypto
CLEANFILES += tests/bench/bench-load$(EXEEXT)
# The same sessions with vsftpd, whose package is unpacked into the build folder.
EXTRA_DIST += tests/e2e/compare_vsftpd.py tests/e2e/Strangers.java
.PHONY: compare
compare: cradled$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) $(top_srcdir)/tests/e2e/run-pytest $(srcdir)/tests/e2e/compare_vsftpd.py

# What one machine holds (doc/capacity.md).
EXTRA_PROGRAMS += tests/scale/scale-fill
tests_scale_scale_fill_SOURCES = tests/scale/fill.c
tests_scale_scale_fill_LDADD = fleet/libfleet.a pki/libpki.a db/libdb.a base/libbase.a $(SQLITE_LIBS) $(UV_LIBS) $(GNUTLS_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS) $(CRYPT_LIBS)
CLEANFILES += tests/scale/scale-fill$(EXEEXT)
EXTRA_DIST += tests/scale/scale.py
.PHONY: scale
scale: bench-needs cradled$(EXEEXT) tests/bench/bench-load$(EXEEXT) tests/scale/scale-fill$(EXEEXT)
	$(PYTHON3) $(srcdir)/tests/scale/scale.py --build $(abs_top_builddir)
BENCH = $(PYTHON3) $(srcdir)/tests/bench/bench.py --build $(abs_top_builddir)
COUNT = $(PYTHON3) $(srcdir)/tests/bench/count.py --build $(abs_top_builddir)
.PHONY: bench bench-count bench-count-record bench-needs bench-quick
bench-needs:
	$(srcdir)/build-aux/need-packages libssl-dev openssl valgrind
bench: bench-needs cradled$(EXEEXT) tests/bench/bench-load$(EXEEXT)
	$(BENCH) --out $(abs_top_builddir)/bench --document $(abs_top_srcdir)/doc/performance.md
bench-quick: bench-needs cradled$(EXEEXT) tests/bench/bench-load$(EXEEXT)
	$(BENCH) --quick $(abs_top_builddir)/bench-quick.json
bench-count: bench-needs cradled$(EXEEXT) tests/bench/bench-load$(EXEEXT)
	$(COUNT)
bench-count-record: bench-needs cradled$(EXEEXT) tests/bench/bench-load$(EXEEXT)
	$(COUNT) --record
EXTRA_DIST += \
	tests/bench/README.md \
	tests/bench/bench.py \
	tests/bench/count.py \
	tests/bench/instructions.json \
	tests/bench/peers.py \
	tests/bench/report.py

EXTRA_DIST += \
	tests/unit/base/certificates.h \
	tests/unit/base/duplex.h \
	tests/unit/pki/forge.h \
	tests/unit/base/meeting.h \
	tests/unit/db/shelf.h \
	tests/unit/fleet/attempt.h \
	tests/unit/fleet/camp.h \
	tests/unit/fleet/grove.h \
	tests/unit/fleet/site.h \
	tests/unit/pki/place.h \
	tests/fuzz/README.md \
	tests/fuzz/run \
	tests/fuzz/address.dict \
	tests/fuzz/agent.dict \
	tests/fuzz/archive.dict \
	tests/fuzz/basic.dict \
	tests/fuzz/chain.dict \
	tests/fuzz/batch.dict \
	tests/fuzz/clock.dict \
	tests/fuzz/condition.dict \
	tests/fixtures \
	tests/fuzz/corpus \
	tests/fuzz/etag.dict \
	tests/fuzz/facts.dict \
	tests/fuzz/grant.dict \
	tests/fuzz/guard.dict \
	tests/fuzz/inspect.dict \
	tests/fuzz/json.dict \
	tests/fuzz/request.dict \
	tests/fuzz/session.dict \
	tests/fuzz/ledger.dict \
	tests/fuzz/line.dict \
	tests/fuzz/mac.dict \
	tests/fuzz/master.dict \
	tests/fuzz/path.dict \
	tests/fuzz/query.dict \
	tests/fuzz/range.dict \
	tests/fuzz/reply.dict \
	tests/fuzz/roster.dict \
	tests/fuzz/secret.dict \
	tests/fuzz/settings.dict \
	tests/fuzz/slot.dict \
	tests/fuzz/trace.dict \
	tests/fuzz/value.dict \
	tests/fuzz/xml.dict \
	tests/e2e/authority.py \
	tests/e2e/conftest.py \
	tests/e2e/pki_folder.py \
	tests/e2e/run-pytest \
	tests/e2e/tap_report.py \
	$(E2E_TESTS) $(LINT_TESTS)
