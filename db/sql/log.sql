-- SPDX-License-Identifier: Apache-2.0

-- log_newest (t, t) -> (i, i, i, i, i, i, i, i)
SELECT generation, size, started, modified, closed, segments, repeats, cost
FROM log_generation WHERE mac = $1 AND path = $2 ORDER BY generation DESC LIMIT 1;

-- log_find (t, t, i) -> (i, i, i, i, i, i, i, i)
SELECT generation, size, started, modified, closed, segments, repeats, cost
FROM log_generation WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_start (t, t, i, i) -> ()
INSERT INTO log_generation (mac, path, generation, started, modified, closed, size, segments, repeats, cost)
VALUES ($1, $2, $3, $4, $4, 0, 0, 0, 0, 0);

-- log_close (t, t, i, i) -> ()
UPDATE log_generation SET closed = $4 WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_grow (t, t, i, i, i, i) -> ()
UPDATE log_generation SET size = size + $4, cost = cost + $5, modified = $6, segments = segments + 1
WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_grow_repeat (t, t, i, i) -> ()
UPDATE log_generation SET cost = cost + $4, segments = segments + 1, repeats = repeats + 1
WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_delete (t, t, i) -> ()
DELETE FROM log_generation WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_usage_get (t) -> (i)
SELECT cost FROM log_usage WHERE mac = $1;

-- log_usage_add (t, i, i) -> ()
INSERT INTO log_usage (mac, cost, modified) VALUES ($1, $2, $3)
ON CONFLICT (mac) DO UPDATE SET cost = log_usage.cost + excluded.cost, modified = excluded.modified;

-- log_usage_take (t, i) -> ()
UPDATE log_usage SET cost = cost - $2 WHERE mac = $1;

-- log_usage_list () -> (t, i)
SELECT mac, modified FROM log_usage WHERE cost > 0 ORDER BY mac;

-- What could be removed of a handset's generations: those closed at $2 or before.
-- log_removable (t, i) -> (i)
SELECT sum(cost) FROM log_generation WHERE mac = $1 AND closed > 0 AND closed <= $2;

-- log_oldest (t, i) -> (t, i, i)
SELECT path, generation, cost FROM log_generation WHERE mac = $1 AND closed > 0 AND closed <= $2
ORDER BY closed, generation, path LIMIT 1;

-- log_segment_add (t, t, i, i, b, i, i, t, i) -> ()
INSERT INTO log_segment (mac, path, generation, segment, content, repeats, received, author, sender, seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0);

-- log_segment_newest (t, t, i) -> (i, i, i, i, i)
SELECT segment, repeats, received, sender, seen FROM log_segment
WHERE mac = $1 AND path = $2 AND generation = $3 ORDER BY segment DESC LIMIT 1;

-- The newest segment that has bytes of its own.
-- log_segment_bytes (t, t, i) -> (i, b, i, b, i, i, b)
SELECT log_segment.segment, content.id, content.size, content.digest, content.kind, content.chunks, content.mac
FROM log_segment JOIN content ON content.id = log_segment.content
WHERE log_segment.mac = $1 AND log_segment.path = $2 AND log_segment.generation = $3 AND log_segment.repeats = 0
ORDER BY log_segment.segment DESC LIMIT 1;

-- log_segment_list (t, t, i) -> (i, i, i, i, i, t)
SELECT log_segment.segment, coalesce(content.size, 0), log_segment.repeats, log_segment.received, log_segment.seen,
       log_segment.author
FROM log_segment LEFT JOIN content ON content.id = log_segment.content
WHERE log_segment.mac = $1 AND log_segment.path = $2 AND log_segment.generation = $3 ORDER BY log_segment.segment;

-- log_contents (t, t, i) -> (b, i, b, i, i, b)
SELECT content.id, content.size, content.digest, content.kind, content.chunks, content.mac
FROM log_segment JOIN content ON content.id = log_segment.content
WHERE log_segment.mac = $1 AND log_segment.path = $2 AND log_segment.generation = $3 ORDER BY log_segment.segment;

-- log_contents_all (t, t) -> (b, i, b, i, i, b)
SELECT content.id, content.size, content.digest, content.kind, content.chunks, content.mac
FROM log_segment JOIN content ON content.id = log_segment.content
WHERE log_segment.mac = $1 AND log_segment.path = $2 ORDER BY log_segment.generation, log_segment.segment;

-- Every segment with bytes of its own, whatever state they are in; generation 0: of all.
-- log_rescue (t, t, i) -> (i, i, i, b, i, b, i, i, b)
SELECT log_segment.generation, log_segment.segment, log_segment.received,
       content.id, content.size, content.digest, content.kind, content.chunks, content.mac
FROM log_segment LEFT JOIN content ON content.id = log_segment.content
WHERE log_segment.mac = $1 AND log_segment.path = $2 AND ($3 = 0 OR log_segment.generation = $3) AND log_segment.repeats = 0
ORDER BY log_segment.generation, log_segment.segment;

-- What a generation names, whatever state it is in.
-- log_content_ids (t, t, i) -> (b)
SELECT content FROM log_segment WHERE mac = $1 AND path = $2 AND generation = $3 AND content IS NOT NULL;

-- log_segment_delete (t, t, i) -> ()
DELETE FROM log_segment WHERE mac = $1 AND path = $2 AND generation = $3;

-- log_segment_seen (i) -> ()
UPDATE log_segment SET seen = 1 WHERE sender = $1 AND seen = 0;

-- log_range (t, t, t) -> (t, i, i, i, i, i, i)
SELECT path, generation, size, started, modified, closed, repeats
FROM log_generation WHERE mac = $1 AND path >= $2 AND path < $3 ORDER BY path, generation;

-- log_range_open (t, t, t) -> (t, i, i, i, i, i, i)
SELECT path, generation, size, started, modified, closed, repeats
FROM log_generation WHERE mac = $1 AND path >= $2 AND path < $3 AND closed = 0 ORDER BY path, generation;

-- log_below (t, t, t) -> (i)
SELECT max(modified) FROM log_generation WHERE mac = $1 AND path >= $2 AND path < $3;

-- log_list (t) -> (t, i, i, i, i, i, i, i)
SELECT path, generation, size, started, modified, closed, segments, repeats
FROM log_generation WHERE mac = $1 ORDER BY path, generation;
