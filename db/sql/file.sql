-- SPDX-License-Identifier: Apache-2.0

-- LEFT JOIN: a name whose content is lost is damage, not absence.
-- file_find (t, t) -> (b, i, b, i, i, b, i, i, t, i)
SELECT content.id, content.size, content.digest, content.kind, content.chunks, content.mac, file.version, file.modified, file.author, file.unchecked
FROM file LEFT JOIN content ON content.id = file.content
WHERE file.layer = $1 AND file.path = $2;

-- file_find_former (t, t, i) -> (b, i, b, i, i, b, i, i, t, i)
SELECT content.id, content.size, content.digest, content.kind, content.chunks, content.mac, former_file.version,
       former_file.modified, former_file.author, former_file.unchecked
FROM former_file LEFT JOIN content ON content.id = former_file.content
WHERE former_file.layer = $1 AND former_file.path = $2 AND former_file.version = $3;

-- What a name names, whatever state it is in.
-- file_named (t, t) -> (b, i)
SELECT content, version FROM file WHERE layer = $1 AND path = $2;

-- file_last_former (t, t) -> (i)
SELECT version FROM former_file WHERE layer = $1 AND path = $2 ORDER BY version DESC LIMIT 1;

-- file_put (t, t, i, b, i, t, i) -> ()
INSERT INTO file (layer, path, version, content, modified, author, unchecked) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (layer, path) DO UPDATE SET version = excluded.version, content = excluded.content,
    modified = excluded.modified, author = excluded.author, unchecked = excluded.unchecked;

-- file_retire (t, t, i, t) -> ()
INSERT INTO former_file (layer, path, version, content, modified, author, unchecked, replaced, replaced_by)
SELECT layer, path, version, content, modified, author, unchecked, $3, $4 FROM file WHERE layer = $1 AND path = $2;

-- file_delete (t, t) -> ()
DELETE FROM file WHERE layer = $1 AND path = $2;

-- file_excess (t, t, i) -> (i, b)
SELECT version, content FROM former_file WHERE layer = $1 AND path = $2 ORDER BY version DESC LIMIT 100 OFFSET $3;

-- file_delete_former (t, t, i) -> ()
DELETE FROM former_file WHERE layer = $1 AND path = $2 AND version = $3;

-- file_versions (t, t) -> (i, i, i, i, t, t, i)
SELECT former_file.version, content.size, former_file.modified, former_file.replaced, former_file.author,
       former_file.replaced_by, former_file.unchecked
FROM former_file JOIN content ON content.id = former_file.content
WHERE former_file.layer = $1 AND former_file.path = $2 ORDER BY former_file.version DESC;

-- Paths of a layer in order, from $2 on and before $3: one folder with all below it.
-- file_range (t, t, t) -> (t, i, b, i)
SELECT file.path, content.size, content.digest, file.modified
FROM file JOIN content ON content.id = file.content
WHERE file.layer = $1 AND file.path >= $2 AND file.path < $3 ORDER BY file.path;

-- The newest of the first thousand files below a folder: the time that the folder shows.
-- file_newest (t, t, t) -> (i)
SELECT max(modified) FROM (
    SELECT modified FROM file WHERE layer = $1 AND path >= $2 AND path < $3 ORDER BY path LIMIT 1000
) AS below;
