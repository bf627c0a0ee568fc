-- SPDX-License-Identifier: Apache-2.0

-- refusal_add (t, t, t, i, i, i) -> ()
INSERT INTO refusal (who, protocol, words, count, first, last) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (who, protocol, words) DO UPDATE SET count = refusal.count + excluded.count, last = excluded.last;

-- refusal_count () -> (i)
SELECT COUNT(*) FROM refusal;

-- refusal_oldest () -> (t, t, t)
SELECT who, protocol, words FROM refusal ORDER BY last, who, protocol, words LIMIT 1;

-- refusal_remove (t, t, t) -> ()
DELETE FROM refusal WHERE who = $1 AND protocol = $2 AND words = $3;

-- refusal_list () -> (t, t, t, i, i, i)
SELECT who, protocol, words, count, first, last FROM refusal ORDER BY last DESC, who, protocol, words;

-- refusal_clear (t) -> ()
DELETE FROM refusal WHERE $1 = '' OR who = $1;
