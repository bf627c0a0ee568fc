-- SPDX-License-Identifier: Apache-2.0
-- Schema 5: who still uses the listeners for old TLS: how often (once a minute at most), and when last, 0 for never.
ALTER TABLE handset ADD COLUMN legacy_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handset ADD COLUMN legacy_last INTEGER NOT NULL DEFAULT 0;
