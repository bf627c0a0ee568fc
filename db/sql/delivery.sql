-- SPDX-License-Identifier: Apache-2.0

-- delivery_add (b, t, t, t, t, i) -> ()
INSERT INTO delivery (content, mac, path, fingerprint, root, created) VALUES ($1, $2, $3, $4, $5, $6);

-- delivery_waiting () -> (t)
SELECT fingerprint FROM delivery WHERE fingerprint <> '';

-- delivery_find (t) -> (b, t, t, t)
SELECT content, mac, path, root FROM delivery WHERE fingerprint = $1 LIMIT 1;

-- delivery_delete (b) -> ()
DELETE FROM delivery WHERE content = $1;
