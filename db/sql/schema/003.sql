-- SPDX-License-Identifier: Apache-2.0
-- Schema 3: who refused us. who: a MAC, or an address while nobody is known.
CREATE TABLE refusal (
    who      TEXT NOT NULL,
    protocol TEXT NOT NULL,
    words    TEXT NOT NULL,
    count    INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    PRIMARY KEY (who, protocol, words)
) STRICT;
