-- SPDX-License-Identifier: Apache-2.0
-- Schema 2: what a content is, under which data keys it lies, and a MAC over its row (doc/format.md).
ALTER TABLE content ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;   -- 0 a segment of a log; 1 a file; 2 a file that bears a private key
ALTER TABLE content ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE content ADD COLUMN key INTEGER NOT NULL DEFAULT 0;    -- none of its chunks is under a data key of a lower number
ALTER TABLE content ADD COLUMN mac BLOB;                          -- NULL: of schema 1, to be adopted at the start
UPDATE content SET chunks = CASE WHEN size > 0 THEN (size - 1) / 65536 + 1 ELSE 1 END,
    key = COALESCE((SELECT MIN(id) FROM key WHERE purpose = 'chunk'), 0)
WHERE staged = 0;
UPDATE content SET kind = 1 WHERE id IN (SELECT content FROM file UNION SELECT content FROM former_file);
CREATE INDEX content_strange ON content (id) WHERE mac IS NULL;
CREATE INDEX content_by_key ON content (key);
CREATE INDEX content_equal ON content (digest) WHERE kind = 1 AND staged = 0;

-- The number given to a data key last: none is ever given again, though keys are destroyed.
CREATE TABLE key_number (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO key_number (one, last) SELECT 1, COALESCE(MAX(id), 0) FROM key;

-- A file that bears a private key, until the handset proves that it has it: by a handshake with that certificate.
CREATE TABLE delivery (
    content     BLOB PRIMARY KEY,
    mac         TEXT NOT NULL,
    path        TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- of the certificate in the same file; '': there is none
    root        TEXT NOT NULL, -- the root element of what takes the file's place; '': nothing does
    created     INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_fingerprint ON delivery (fingerprint);
