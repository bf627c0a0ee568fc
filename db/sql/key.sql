-- SPDX-License-Identifier: Apache-2.0

-- key_list () -> (i, t, b)
SELECT id, purpose, wrapped FROM key ORDER BY id;

-- key_add (i, t, b, i) -> ()
INSERT INTO key (id, purpose, wrapped, created) VALUES ($1, $2, $3, $4);

-- A number that no data key ever had.
-- key_next () -> (i)
UPDATE key_number SET last = last + 1 RETURNING last;

-- key_get (i) -> (t, b)
SELECT purpose, wrapped FROM key WHERE id = $1;

-- key_delete (i) -> ()
DELETE FROM key WHERE id = $1;

-- key_rewrap (i, b) -> ()
UPDATE key SET wrapped = $2 WHERE id = $1;

-- The key of one content and of nothing else.
-- key_delete_own (b) -> ()
DELETE FROM key WHERE purpose = 'own' AND id = (SELECT key FROM content WHERE id = $1 AND kind = 2);

-- What lies under each key but those of single contents.
-- key_status () -> (i, t, i, i, i)
SELECT key.id, key.purpose, key.created,
       (SELECT COUNT(*) FROM content WHERE content.key = key.id AND content.kind < 2),
       (SELECT COALESCE(SUM(content.size), 0) FROM content WHERE content.key = key.id AND content.kind < 2)
FROM key WHERE key.purpose <> 'own' ORDER BY key.id;

-- key_count_own () -> (i)
SELECT COUNT(*) FROM key WHERE purpose = 'own';

-- key_needed (i) -> (i)
SELECT 1 FROM content WHERE content.key <= $1 AND content.kind < 2 LIMIT 1;

-- key_retire (i) -> ()
DELETE FROM key WHERE id = $1 AND purpose = 'chunk';
