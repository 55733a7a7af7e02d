-- The first schema. A file is applied once, in one transaction, and never changed afterwards.

CREATE TABLE user_miner.journals (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text   NOT NULL UNIQUE,                   -- the hotkey; of a dry run with .dry-run behind it
    seq          bigint NOT NULL DEFAULT 0,                -- the last record: what HEAD is beside files,
    hash         text   NOT NULL DEFAULT repeat('0', 64),  -- written by the statement that adds the record
    epoch        bigint NOT NULL DEFAULT 0,                -- counts the leases
    lease        uuid,                                     -- names the last one: epochs may come again after a failover
    holder       text,                                     -- host and process that took it, for people
    leased_until timestamptz                               -- by this server's clock; nobody else takes it before
) WITH (fillfactor = 50);                                  -- each append updates its row in place

-- No foreign key: a record is added by the statement that updates its journal, and by no other.
CREATE TABLE user_miner.records (
    journal bigint NOT NULL,
    seq     bigint NOT NULL,
    line    text   NOT NULL,                               -- as in a file, without the newline
    PRIMARY KEY (journal, seq)
);

CREATE TABLE user_miner.snapshots (
    journal bigint  NOT NULL,
    seq     bigint  NOT NULL,
    hash    text    NOT NULL,
    reducer integer NOT NULL,
    state   bytea   NOT NULL,
    sha256  text    NOT NULL,
    PRIMARY KEY (journal, seq)
);

-- For people. No text here can hold the zero character, which posts may: it is shown as one that cannot be.
CREATE VIEW user_miner.events AS
SELECT
    j.name AS journal,
    r.seq,
    (l.line ->> 'at')::timestamptz AS at,
    l.line ->> 'event' AS event,
    l.line ->> 'from' AS state_before,
    l.line ->> 'to' AS state_after,
    l.line -> 'data' AS data
FROM user_miner.records AS r
JOIN user_miner.journals AS j ON j.id = r.journal
CROSS JOIN LATERAL (SELECT replace(r.line, '\u0000', '\ufffd')::json AS line) AS l;
