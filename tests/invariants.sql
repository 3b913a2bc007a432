-- What holds after any fault, once everything has settled: each statement counts what should not be. Read by tests/integration/invariants.c and
-- tests/e2e/invariants.py: a line with a name, a line with a statement.
-- executions that have not ended
SELECT COUNT(*) FROM executions WHERE status IN ('pending', 'running')
-- executions that failed without a reason, but for those of executors that report by themselves and gave none
SELECT COUNT(*) FROM executions WHERE status IN ('failed', 'timeout', 'crashed', 'cancelled') AND (IFNULL(error_kind, '') = '' OR IFNULL(error_message, '') = '') AND pushed_until IS NULL
-- executions tried more often than they may be, or completed without a try
SELECT COUNT(*) FROM executions WHERE attempts > max_retries + 1 OR (status = 'completed' AND attempts = 0)
-- sessions that are still to start
SELECT COUNT(*) FROM sessions WHERE status = 'creating'
-- sessions that failed without a reason
SELECT COUNT(*) FROM sessions WHERE status = 'failed' AND IFNULL(error, '') = ''
-- running sessions without a running container of their own
SELECT COUNT(*) FROM sessions s LEFT JOIN containers c ON c.id = s.container_id AND c.session_id = s.id AND c.status = 'running' WHERE s.status = 'running' AND c.id IS NULL
-- containers whose session has ended, or is gone, or has another one
SELECT COUNT(*) FROM containers c LEFT JOIN sessions s ON s.id = c.session_id AND s.container_id = c.id AND s.status IN ('creating', 'running') WHERE c.session_id <> '' AND c.status <> 'deleted' AND s.id IS NULL
-- containers of two sessions
SELECT COUNT(*) FROM (SELECT container_id FROM sessions WHERE status IN ('creating', 'running') AND container_id <> '' GROUP BY container_id HAVING COUNT(*) > 1) x
-- containers that are being made or removed
SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'deleting')
-- nodes that gave more than they have
SELECT COUNT(*) FROM nodes n JOIN (SELECT node_id, SUM(cpu_milli) AS cpu, SUM(memory_mb) AS memory, COUNT(*) AS containers FROM containers WHERE status <> 'deleted' GROUP BY node_id) u ON u.node_id = n.id WHERE u.cpu > n.cpu_milli OR u.memory > n.memory_mb OR u.containers > n.max_containers
-- ended executions and sessions that somebody was to be told of, without a webhook
SELECT (SELECT COUNT(*) FROM executions e LEFT JOIN webhooks w ON w.object_id = e.id WHERE e.callback_url IS NOT NULL AND e.status NOT IN ('pending', 'running') AND w.seq IS NULL) + (SELECT COUNT(*) FROM sessions s LEFT JOIN webhooks w ON w.object_id = s.id WHERE s.callback_url IS NOT NULL AND s.status NOT IN ('creating', 'running') AND w.seq IS NULL)
-- webhooks that say another end than there was
SELECT (SELECT COUNT(*) FROM webhooks w JOIN executions e ON e.id = w.object_id WHERE w.event <> CONCAT('execution.', e.status)) + (SELECT COUNT(*) FROM webhooks w JOIN sessions s ON s.id = w.object_id WHERE w.event <> CONCAT('session.', s.status))
