-- SPDX-License-Identifier: Apache-2.0
-- Schema 4: the audit trail (doc/format.md).
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, -- from 1, without gaps
    at     INTEGER NOT NULL,    -- as in the record
    record BLOB NOT NULL,
    mac    BLOB NOT NULL
) STRICT;

-- Where the chain stands; no row before the first record.
CREATE TABLE audit_state (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL, -- of the next record
    mac    BLOB NOT NULL,    -- of the record before it
    sealed BLOB NOT NULL,    -- the next record's key; the only one that is kept
    handed INTEGER NOT NULL  -- 1: the verification key of this chain was handed out
) STRICT;
