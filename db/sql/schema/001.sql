-- SPDX-License-Identifier: Apache-2.0
-- Schema 1. Times are Unix milliseconds. Natural keys; a layer is '' (shared) or a MAC.

-- Data keys, wrapped by the master key (doc/format.md). purpose: chunk, digest, password.
CREATE TABLE key (
    id      INTEGER PRIMARY KEY,
    purpose TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE handset (
    mac             TEXT PRIMARY KEY,
    label           TEXT NOT NULL,
    enabled         INTEGER NOT NULL,
    require_binding INTEGER NOT NULL,
    created         INTEGER NOT NULL,
    changed         INTEGER NOT NULL,
    last_seen       INTEGER NOT NULL,
    last_address    TEXT NOT NULL,
    user_agent      TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    name    TEXT PRIMARY KEY,
    role    TEXT NOT NULL,
    mac     TEXT REFERENCES handset (mac), -- handset accounts only
    stored  TEXT NOT NULL,                 -- '' : no password
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL               -- grows with every change: what was verified before counts no longer
) STRICT;
CREATE INDEX account_by_mac ON account (mac) WHERE mac IS NOT NULL;

CREATE TABLE content (
    id      BLOB NOT NULL PRIMARY KEY, -- 16 random bytes
    staged  INTEGER NOT NULL,          -- 1: nothing names it, yet or any more; removed at start
    size    INTEGER NOT NULL,
    digest  BLOB NOT NULL,             -- keyed; empty while staged
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX content_staged ON content (id) WHERE staged = 1;

CREATE TABLE chunk (
    content BLOB NOT NULL,
    number  INTEGER NOT NULL, -- from 0
    sealed  BLOB NOT NULL,
    PRIMARY KEY (content, number)
) STRICT;

CREATE TABLE file (
    layer     TEXT NOT NULL,
    path      TEXT NOT NULL,
    version   INTEGER NOT NULL, -- from 1, never used again for this name
    content   BLOB NOT NULL REFERENCES content (id),
    modified  INTEGER NOT NULL,
    author    TEXT NOT NULL,
    unchecked INTEGER NOT NULL,
    PRIMARY KEY (layer, path)
) STRICT;
CREATE INDEX file_content ON file (content);

CREATE TABLE former_file (
    layer       TEXT NOT NULL,
    path        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    content     BLOB NOT NULL REFERENCES content (id),
    modified    INTEGER NOT NULL,
    author      TEXT NOT NULL,
    unchecked   INTEGER NOT NULL,
    replaced    INTEGER NOT NULL,
    replaced_by TEXT NOT NULL,
    PRIMARY KEY (layer, path, version)
) STRICT;
CREATE INDEX former_file_content ON former_file (content);

CREATE TABLE log_generation (
    mac        TEXT NOT NULL,
    path       TEXT NOT NULL,
    generation INTEGER NOT NULL, -- from 1
    started    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    closed     INTEGER NOT NULL, -- 0: open; only the newest is
    size       INTEGER NOT NULL,
    segments   INTEGER NOT NULL, -- rows of log_segment, which are numbered without gaps
    repeats    INTEGER NOT NULL, -- how many of them are resends
    cost       INTEGER NOT NULL, -- what it counts for in the quota
    PRIMARY KEY (mac, path, generation)
) STRICT;
CREATE INDEX log_generation_closed ON log_generation (mac, closed, cost) WHERE closed > 0;

-- What all generations of a handset count for in the quota, and the newest modification: kept, not summed, for each upload
-- and each listing of all handsets asks. cost 0: nothing is left.
CREATE TABLE log_usage (
    mac      TEXT PRIMARY KEY,
    cost     INTEGER NOT NULL,
    modified INTEGER NOT NULL
) STRICT;

CREATE TABLE log_segment (
    mac        TEXT NOT NULL,
    path       TEXT NOT NULL,
    generation INTEGER NOT NULL,
    segment    INTEGER NOT NULL, -- from 1 within its generation
    content    BLOB,             -- names a content; not declared as such: each removal of one would ask for an index here,
                                 -- and each append pay for it. NULL: a resend, no bytes of its own
    repeats    INTEGER NOT NULL, -- the segment it repeats; 0: it is none
    received   INTEGER NOT NULL,
    author     TEXT NOT NULL,
    sender     INTEGER NOT NULL, -- FTPS control session (random, signed 64 bits); 0: HTTPS
    seen       INTEGER NOT NULL, -- 1: the sender said something after our reply
    PRIMARY KEY (mac, path, generation, segment)
) STRICT;
CREATE INDEX log_segment_unseen ON log_segment (sender) WHERE seen = 0;
