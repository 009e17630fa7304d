-- From layout 3 to 4: crews are told without asking.

-- What crews and office are told without asking. A row is there before the message is sent, and its receipt after; no
-- link is in it. state: waiting, sent, refused, expired (its time was over), overtaken (nothing of it holds any more).
create table if not exists notices (
    notice_id text primary key,
    channel text not null,
    crew text not null,
    kind text not null,
    day text not null,
    list_version integer not null,
    made_at integer not null,
    not_before integer not null,
    expires_at integer not null,
    state text not null,
    tries integer not null,
    next_try_at integer not null,
    ended_at integer,
    content_json text
) strict, without rowid;
create index if not exists notices_by_state on notices (state, made_at);
create index if not exists notices_by_channel on notices (channel, kind, made_at);

-- What the other end said to each try of each part; a part that was sent is not sent again.
create table if not exists notice_receipts (
    n integer primary key autoincrement,
    notice_id text not null,
    part integer not null,
    parts integer not null,
    at integer not null,
    outcome text not null,
    code text not null,
    said text not null
) strict;
create index if not exists notice_receipts_by_notice on notice_receipts (notice_id, n);

-- Up to which event each channel was told what cannot wait.
create table if not exists notice_cursors (
    channel text primary key,
    n integer not null
) strict, without rowid;
