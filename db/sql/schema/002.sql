-- SPDX-License-Identifier: Apache-2.0
-- Schema 2: what a content is. kind: 0 a segment of a log; 1 a file; 2 a file that bears a private key.
ALTER TABLE content ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
