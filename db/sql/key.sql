-- SPDX-License-Identifier: Apache-2.0

-- key_list () -> (i, t, b)
SELECT id, purpose, wrapped FROM key ORDER BY id;

-- key_add (i, t, b, i) -> ()
INSERT INTO key (id, purpose, wrapped, created) VALUES ($1, $2, $3, $4);
