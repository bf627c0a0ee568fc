-- SPDX-License-Identifier: Apache-2.0
-- Schema 6: which handset was seen at an address lately is asked for each client that refuses the server.
CREATE INDEX handset_by_address ON handset (last_address);
