-- SPDX-License-Identifier: Apache-2.0

-- verify_total () -> (i, i)
SELECT COUNT(*), COALESCE(SUM(size), 0) FROM content WHERE staged = 0;

-- verify_contents (b, i) -> (b, i, b, i, i, b)
SELECT id, size, digest, kind, chunks, mac FROM content
WHERE id > $1 AND staged = 0 AND length(id) = 16 ORDER BY id LIMIT $2;

-- Rows that no program of ours has written.
-- verify_misnamed () -> (b)
SELECT id FROM content WHERE length(id) <> 16 AND staged = 0;

-- Is it still there, or was it removed meanwhile?
-- verify_there (b) -> (i)
SELECT 1 FROM content WHERE id = $1 AND staged = 0;

-- Everything that names a content. kind: 0 a file, 1 a former version, 2 a log; number: its version or generation.
-- verify_places (b) -> (i, t, t, i)
SELECT 0, layer, path, version FROM file WHERE content = $1
UNION ALL SELECT 1, layer, path, version FROM former_file WHERE content = $1
UNION ALL SELECT 2, mac, path, generation FROM log_segment WHERE content = $1;

-- Names whose content is not there.
-- verify_lost () -> (i, t, t, i, b)
SELECT 0, file.layer, file.path, file.version, file.content
FROM file LEFT JOIN content ON content.id = file.content WHERE content.id IS NULL
UNION ALL SELECT 1, former_file.layer, former_file.path, former_file.version, former_file.content
FROM former_file LEFT JOIN content ON content.id = former_file.content WHERE content.id IS NULL
UNION ALL SELECT 2, log_segment.mac, log_segment.path, log_segment.generation, log_segment.content
FROM log_segment LEFT JOIN content ON content.id = log_segment.content
WHERE log_segment.content IS NOT NULL AND content.id IS NULL;
