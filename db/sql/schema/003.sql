-- SPDX-License-Identifier: Apache-2.0
-- Schema 3: certificates and what is denied. refusal: who refused us; who: a MAC, or an address while nobody is known.
CREATE TABLE refusal (
    who      TEXT NOT NULL,
    protocol TEXT NOT NULL,
    words    TEXT NOT NULL,
    count    INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    PRIMARY KEY (who, protocol, words)
) STRICT;

-- accept_expired: its factory certificate is taken although its time is over; pinned: the fingerprint of a self-signed
-- certificate that is taken for its own, '' for none; legacy: it may use the listeners for old TLS; lost: when it was
-- reported lost, 0 for a handset that was not.
ALTER TABLE handset ADD COLUMN accept_expired INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handset ADD COLUMN pinned TEXT NOT NULL DEFAULT '';
ALTER TABLE handset ADD COLUMN legacy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handset ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

-- Client certificates that let somebody in, and those that were revoked here (also before they were ever seen: then all
-- texts are '' and all times 0).
CREATE TABLE certificate (
    fingerprint TEXT PRIMARY KEY, -- SHA-256, lower-case hex
    role        TEXT NOT NULL,
    name        TEXT NOT NULL,    -- a MAC or an account
    subject     TEXT NOT NULL,
    issuer      TEXT NOT NULL,
    serial      TEXT NOT NULL,
    not_after   INTEGER NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    revoked     INTEGER NOT NULL, -- 0: it is not
    reason      TEXT NOT NULL
) STRICT;
CREATE INDEX certificate_by_name ON certificate (name);
