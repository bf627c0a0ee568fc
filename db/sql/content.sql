-- SPDX-License-Identifier: Apache-2.0

-- content_stage (b, b, i) -> ()
INSERT INTO content (id, staged, size, digest, created) VALUES ($1, 1, 0, $2, $3);

-- content_settle (b, i, b, i) -> ()
INSERT INTO content (id, staged, size, digest, created) VALUES ($1, 0, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET staged = 0, size = excluded.size, digest = excluded.digest;

-- content_delete (b) -> ()
DELETE FROM content WHERE id = $1;

-- content_doom (b) -> ()
UPDATE content SET staged = 1 WHERE id = $1;

-- content_delete_doomed (b) -> ()
DELETE FROM content WHERE id = $1 AND staged = 1;

-- content_delete_staged () -> ()
DELETE FROM content WHERE staged = 1;

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
