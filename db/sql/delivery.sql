-- SPDX-License-Identifier: Apache-2.0

-- delivery_delete (b) -> ()
DELETE FROM delivery WHERE content = $1;
