-- SPDX-License-Identifier: Apache-2.0
-- Schema 4: the audit trail.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, -- from 1, without gaps
    at     INTEGER NOT NULL,
    record BLOB NOT NULL,
    mac    BLOB NOT NULL
) STRICT;
