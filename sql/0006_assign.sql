-- SPDX-License-Identifier: Apache-2.0
-- Who takes what is submitted for a node's sandboxes: where a session has room, an execution is stored as running for that dispatcher, and
-- needs no claim. A dispatcher says so every two seconds, for five.
CREATE TABLE IF NOT EXISTS dispatchers (
    node_id     VARCHAR(64) NOT NULL,
    instance    VARCHAR(64) NOT NULL COMMENT 'executions.claimed_by',
    doorbell    VARCHAR(64) NOT NULL COMMENT 'where it is told',
    host        VARCHAR(64) NOT NULL COMMENT 'node of the only host that reaches the doorbell; empty: any may',
    takes_until DATETIME(3) NOT NULL,
    PRIMARY KEY (node_id),
    KEY instance (instance)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
