-- SPDX-License-Identifier: Apache-2.0
-- Columns of a row that is served, everywhere: id, size, digest, kind, chunks, mac.

-- content_stage (b, b, i, i) -> ()
INSERT INTO content (id, staged, size, digest, created, kind, chunks, key, mac) VALUES ($1, 1, 0, $2, $4, 0, 0, $3, $2);

-- content_settle (b, i, b, i, i, i, i, b) -> ()
INSERT INTO content (id, staged, size, digest, created, kind, chunks, key, mac) VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET staged = 0, size = excluded.size, digest = excluded.digest, kind = excluded.kind,
    chunks = excluded.chunks, key = excluded.key, mac = excluded.mac;

-- Files' contents of equal bytes.
-- content_equal (b, i) -> (b, i, b, i, i, b)
SELECT id, size, digest, kind, chunks, mac FROM content WHERE kind = 1 AND staged = 0 AND digest = $1 AND size = $2 LIMIT 1;

-- content_named (b) -> (i)
SELECT 1 FROM file WHERE content = $1 UNION ALL SELECT 1 FROM former_file WHERE content = $1 LIMIT 1;

-- Every name of one content becomes one of another.
-- content_rename_files (b, b) -> ()
UPDATE file SET content = $2 WHERE content = $1;

-- content_rename_former (b, b) -> ()
UPDATE former_file SET content = $2 WHERE content = $1;

-- content_delete (b) -> ()
DELETE FROM content WHERE id = $1;

-- content_doom (b) -> ()
UPDATE content SET staged = 1 WHERE id = $1;

-- content_delete_doomed (b) -> ()
DELETE FROM content WHERE id = $1 AND staged = 1;

-- content_delete_staged () -> ()
DELETE FROM content WHERE staged = 1;

-- Rows of schema 1, which had no MAC.
-- content_strange (b, i) -> (b, i, b, i, i)
SELECT id, size, digest, kind, chunks FROM content
WHERE mac IS NULL AND staged = 0 AND length(id) = 16 AND id > $1 ORDER BY id LIMIT $2;

-- content_adopt (b, b) -> ()
UPDATE content SET mac = $2 WHERE id = $1 AND mac IS NULL;

-- chunk_add (b, i, b) -> ()
INSERT INTO chunk (content, number, sealed) VALUES ($1, $2, $3);

-- chunk_get (b, i) -> (b)
SELECT sealed FROM chunk WHERE content = $1 AND number = $2;

-- chunk_list (b) -> (i, b)
SELECT number, sealed FROM chunk WHERE content = $1 ORDER BY number;

-- chunk_delete (b) -> ()
DELETE FROM chunk WHERE content = $1;

-- chunk_delete_doomed (b) -> ()
DELETE FROM chunk WHERE content = $1 AND EXISTS (SELECT 1 FROM content WHERE id = $1 AND staged = 1);

-- chunk_delete_staged () -> ()
DELETE FROM chunk WHERE content IN (SELECT id FROM content WHERE staged = 1);

-- Contents that may have chunks under older keys than $1; $2 of them could not be read, and stand first.
-- content_older (i, i) -> (b, i, b, i, i, b)
SELECT id, size, digest, kind, chunks, mac FROM content WHERE key < $1 AND kind < 2 AND staged = 0
ORDER BY key LIMIT 32 OFFSET $2;

-- content_older_sum (i) -> (i, i)
SELECT COUNT(*), COALESCE(SUM(size), 0) FROM content WHERE key < $1 AND kind < 2 AND staged = 0;

-- content_advance (b, i) -> ()
UPDATE content SET key = $2 WHERE id = $1 AND key < $2 AND kind < 2;

-- chunk_reseal (b, i, b) -> ()
UPDATE chunk SET sealed = $3 WHERE content = $1 AND number = $2;

-- content_exists (b) -> (i)
SELECT 1 FROM content WHERE id = $1;
