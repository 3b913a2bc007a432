-- SPDX-License-Identifier: Apache-2.0
-- What keeps the platform healthy: several engines, images, probes, demand for warm containers, idle sessions, webhooks, row retention.
-- 'down' stays for provisioners of the release before, which may still be at work; it means offline.
ALTER TABLE nodes MODIFY status ENUM('ready','draining','down','offline') NOT NULL;
UPDATE nodes SET status = 'offline' WHERE status = 'down';
ALTER TABLE nodes
    ADD COLUMN IF NOT EXISTS engine VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'unix:///PATH or tcp://HOST:PORT; empty: what the settings say on the host of this name',
    ADD COLUMN IF NOT EXISTS tls_directory VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'ca.pem, cert.pem, key.pem on each host that may serve it',
    ADD COLUMN IF NOT EXISTS host VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'node of the host that its engine is on (unix); empty: any host may serve it',
    ADD COLUMN IF NOT EXISTS served_by VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'node of the host whose jobs serve it',
    ADD COLUMN IF NOT EXISTS served_until DATETIME(3) NULL COMMENT 'then another host may',
    ADD COLUMN IF NOT EXISTS cpu_limit_milli BIGINT NOT NULL DEFAULT 0 COMMENT '0: what its engine has, times overcommit',
    ADD COLUMN IF NOT EXISTS memory_limit_mb BIGINT NOT NULL DEFAULT 0 COMMENT 'likewise',
    ADD COLUMN IF NOT EXISTS containers_limit BIGINT NOT NULL DEFAULT 0 COMMENT '0: as the settings of who serves it say';

-- Which images an engine has, as it said last: a new container goes where its image is.
CREATE TABLE IF NOT EXISTS node_images (
    node_id VARCHAR(64) NOT NULL,
    image   VARCHAR(512) NOT NULL,
    PRIMARY KEY (node_id, image)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

ALTER TABLE containers
    ADD COLUMN IF NOT EXISTS misses INT NOT NULL DEFAULT 0 COMMENT 'probes in a row that its executor did not answer',
    ADD COLUMN IF NOT EXISTS answers BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'its executor was seen to answer: one that only pushes is not probed',
    ADD COLUMN IF NOT EXISTS busy_since DATETIME(3) NULL COMMENT 'it uses more than 80 % of its CPU or memory since then',
    ADD COLUMN IF NOT EXISTS busy_noted BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'the log says so',
    ADD COLUMN IF NOT EXISTS exit_code INT NULL COMMENT 'how it died',
    ADD COLUMN IF NOT EXISTS pulled_at DATETIME(3) NULL COMMENT 'its image was being pulled until then: the time for starting begins anew',
    ADD COLUMN IF NOT EXISTS oom_killed BOOLEAN NOT NULL DEFAULT FALSE,
    ADD KEY IF NOT EXISTS retention (status, ended_at);

ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS callback_url VARCHAR(2048) NULL COMMENT 'told when it has ended',
    ADD KEY IF NOT EXISTS idle (status, last_activity_at),
    ADD KEY IF NOT EXISTS created (created_at, template_id, cpu_milli, memory_mb); -- demand of the last seconds, from the key alone

ALTER TABLE executions
    ADD COLUMN IF NOT EXISTS callback_url VARCHAR(2048) NULL COMMENT 'told when it has ended';

-- Demand for warm containers of a template, as sandbox-pool sees it; templates themselves are not touched: creations share their rows.
CREATE TABLE IF NOT EXISTS pool_demand (
    template_id VARCHAR(63) NOT NULL,
    wanted      INT NOT NULL COMMENT 'warm containers that are kept now',
    claimed_at  DATETIME(3) NULL COMMENT 'when the last session was made from it',
    changed_at  DATETIME(3) NOT NULL,
    PRIMARY KEY (template_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- What is to be told to callback URLs; a row is written in the transaction that ended its object.
CREATE TABLE IF NOT EXISTS webhooks (
    seq        BIGINT NOT NULL AUTO_INCREMENT,
    id         VARCHAR(32) NOT NULL COMMENT 'msg_ and the object: the same at every try, and one for each',
    owner      VARCHAR(64) NOT NULL,
    event      VARCHAR(32) NOT NULL COMMENT 'execution.completed, session.terminated, ...',
    object_id  VARCHAR(22) NOT NULL,
    url        VARCHAR(2048) NOT NULL,
    host       VARCHAR(255) NOT NULL COMMENT 'of it: none waits for another host',
    status     ENUM('waiting','delivered','given_up') NOT NULL,
    claimed_by VARCHAR(64) NULL,
    due_at     DATETIME(3) NOT NULL COMMENT 'waiting: the next try; while claimed, the lease''s end; else: when the row goes',
    attempts   INT NOT NULL DEFAULT 0,
    answer     INT NOT NULL DEFAULT 0 COMMENT 'HTTP status of the last try; 0: none',
    error      VARCHAR(1024) NULL,
    created_at DATETIME(3) NOT NULL,
    ended_at   DATETIME(3) NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY id (id),
    KEY work (status, host, due_at),
    KEY age (status, due_at),
    KEY object (object_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

ALTER TABLE jobs
    ADD COLUMN IF NOT EXISTS waiting BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'for the one that works to go',
    ADD COLUMN IF NOT EXISTS error VARCHAR(320) NULL COMMENT 'why its steps have failed for a while';
